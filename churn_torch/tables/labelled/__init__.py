"""Labelled rows, in memory or streamed, and how they are split."""
