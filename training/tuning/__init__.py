"""Tuning of a shop that has nothing but a catalogue: a chain of steps, a comparison, a proposal for the settings."""
