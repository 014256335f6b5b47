"""Reading and writing tables: one file a format; `sources` is the only place that reads rows."""
