"""Trains the tree of linear classifiers of `recall/xmc`."""
