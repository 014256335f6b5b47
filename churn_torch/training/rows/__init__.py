"""Preprocessed rows for training: where they are kept, and batches of them."""
