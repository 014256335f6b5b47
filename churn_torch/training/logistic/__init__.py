"""Logistic regression solved to its optimum by passes over all rows."""
