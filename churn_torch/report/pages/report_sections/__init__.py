"""The sections of the report of a run, one after the other as a reader meets them."""
