"""The generated test bed: a shop's catalogue, queries with grades by construction, clicks and knowledge concepts."""

from multirecall.evaluation.testbed.sample import Progress, SampleReport, default_queries, write_sample

__all__ = ["Progress", "SampleReport", "default_queries", "write_sample"]
