"""The theorems, a family of methods a file."""
