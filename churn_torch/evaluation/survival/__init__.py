"""Time to churn: estimates and metrics of lifetimes."""
