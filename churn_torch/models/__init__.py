"""What turns a row into a probability: torch only, no Lightning, no Hydra, no files."""
