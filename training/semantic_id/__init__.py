"""Semantic ids: codebooks from the vectors of a catalogue, what is wrong with them, and two remedies."""
