"""Runs that theorems are held against by `steepest verify`: a representative problem for each, a family a file."""
