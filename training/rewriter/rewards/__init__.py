"""The three gated rewards of a list of rewrites, and what each is made of."""
