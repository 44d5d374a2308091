"""The CUDA engine: a rule's passes as generated Triton kernels; imported where it is first asked for."""
