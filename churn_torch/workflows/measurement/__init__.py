"""What a command measures of a model and its table, besides the usual metrics."""
