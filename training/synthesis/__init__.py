"""Synthetic pairs: tail queries, rewritten and looked up offline, curated into (query, product) pairs to learn from."""
