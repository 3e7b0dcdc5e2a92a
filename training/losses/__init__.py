"""Losses over vectors of queries and products. Each file needs torch (extra `train`)."""
