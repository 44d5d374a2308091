"""Small networks on real data: one file each; PyTorch is needed to import them."""
