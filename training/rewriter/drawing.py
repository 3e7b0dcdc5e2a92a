"""What stands in `multirecall.training.generation.drawing`, under its former place."""

from multirecall.training.generation.drawing import chooser, draw

__all__ = ["chooser", "draw"]
