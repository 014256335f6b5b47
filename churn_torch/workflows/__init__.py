"""The order of each command, one file each."""
