"""From a command line to a workflow."""
