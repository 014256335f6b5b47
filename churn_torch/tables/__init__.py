"""What a customer table is: reading, column kinds, typed values, splits. No torch in here."""
