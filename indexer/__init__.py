"""Catalogue to index: sources, mapping, projection, build, report (`build.build` is the door)."""
