"""ROAR: contrastive training with a false-negative mask, then the odds of each grade above the next."""
