"""What a cell says: numbers, dates, words for yes, no and nothing, as people write them."""
