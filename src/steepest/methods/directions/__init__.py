"""Directions: where to go."""
