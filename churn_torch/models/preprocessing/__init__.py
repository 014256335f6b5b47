"""Typed columns to model space: statistics of the training rows, and the tensor function."""
