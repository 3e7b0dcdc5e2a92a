"""Semantic ids: a product's place in its vector space as a short row of tokens, assigned without any training."""
