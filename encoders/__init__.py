"""Text to vectors: encoders by specification."""

from multirecall.encoders.base import Encoder
from multirecall.encoders.opening import ENCODER_KINDS, open_encoder

__all__ = ["ENCODER_KINDS", "Encoder", "open_encoder"]
