"""The version of this distribution, which every request names."""

__all__ = ["__version__"]

__version__ = "0.1.0"
