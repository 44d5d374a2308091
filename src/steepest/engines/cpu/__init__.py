"""The CPU engine: generated Numba kernels on NumPy arrays and PyTorch CPU tensors."""
