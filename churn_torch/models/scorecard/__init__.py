"""Scorecards: bins of columns and of pairs of columns, and the penalty of each."""
