"""Whether a model is better than another beyond chance."""
