"""How good a churn model is and what it is worth."""
