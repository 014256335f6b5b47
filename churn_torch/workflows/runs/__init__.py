"""Run folders: what is in them, how they are begun, written, named and opened."""
