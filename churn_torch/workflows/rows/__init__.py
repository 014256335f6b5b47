"""The rows that a command works on: a run's own, new ones, those of events."""
