"""How the scorer is learned: Lightning starts here and goes no lower."""
