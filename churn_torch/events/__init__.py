"""From event logs to customer rows at cut-off dates: features before, labels after; DuckDB."""
