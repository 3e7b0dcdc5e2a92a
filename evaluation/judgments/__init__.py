"""Graded judgments, and the formats they are read from."""

from multirecall.evaluation.judgments.graded import MAX_GRADE, Judgments, merged
from multirecall.evaluation.judgments.reading import JUDGMENT_FORMATS, read_judgments

__all__ = ["JUDGMENT_FORMATS", "MAX_GRADE", "Judgments", "merged", "read_judgments"]
