"""Step sizes along a direction: how far to go."""
