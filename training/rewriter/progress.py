"""What stands in `multirecall.training.generation.progress`, under its former place."""

from multirecall.training.generation.progress import OnRow, Progress, step_seed

__all__ = ["OnRow", "Progress", "step_seed"]
