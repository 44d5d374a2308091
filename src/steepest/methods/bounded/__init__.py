"""Methods for bounds on the variables."""
