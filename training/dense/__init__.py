"""Training of two-tower encoders on pairs of query and product. The towers need torch (extra `train`)."""
