"""Scorecards: bins of columns and of pairs of columns, and how strongly each is shrunk."""
