"""Learn from the catalogue, judgments and logs."""
