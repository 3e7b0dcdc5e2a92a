"""Identifiers that a model writes token by token: what may follow, and the search for the likeliest."""
