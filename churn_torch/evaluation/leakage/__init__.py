"""Signs of leakage in a table: columns, rows and times that tell too much."""
