"""Choices as typed options, read from a composed configuration or a run folder, and checked."""
