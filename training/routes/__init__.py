"""Measure what each route is worth, and learn for which queries one can be left out."""
