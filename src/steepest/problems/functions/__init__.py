"""Functions of a NumPy vector with their optimum and constants: one file each."""
