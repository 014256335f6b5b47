"""What a command says of why: coefficients, factors, one customer, the report's content."""
