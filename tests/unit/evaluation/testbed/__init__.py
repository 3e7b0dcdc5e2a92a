"""Tests of the generated test bed."""
