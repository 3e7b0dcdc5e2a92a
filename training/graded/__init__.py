"""Graded data to train encoders on: groups of judged products, splits, copies with slips, mined and annotated pairs."""
