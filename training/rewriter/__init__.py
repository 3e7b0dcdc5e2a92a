"""Training the rewriter: data from knowledge, fine-tuning, then reinforcement learning by three rewards."""
