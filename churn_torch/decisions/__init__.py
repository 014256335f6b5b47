"""From a probability to a kept customer: offers, profit, campaigns and what they were worth."""
