"""Trust regions and their subproblems."""
