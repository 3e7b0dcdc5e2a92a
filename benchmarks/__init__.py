"""Measurements; every figure in docs/results/ comes from one of these modules."""
