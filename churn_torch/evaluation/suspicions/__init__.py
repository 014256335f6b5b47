"""What looks wrong about a table: columns, rows and times that tell too much."""
