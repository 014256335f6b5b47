"""What each column of a raw table is: its kind, inferred from its cells."""
