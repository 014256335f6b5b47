"""Nets: ``[N, n_features]`` model-space features to ``[N]`` logits, one family a file."""
