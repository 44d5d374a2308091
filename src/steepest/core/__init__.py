"""The vocabulary that every layer shares; imports nothing of ours."""
