"""Experiments: whether chance decided who was contacted, and how well uplift is predicted."""
