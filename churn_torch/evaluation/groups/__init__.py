"""Groups of customers: how a model treats each, and where it is weak."""
