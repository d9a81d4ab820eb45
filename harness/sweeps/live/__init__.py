"""A sweep while it runs, for whoever watches: what is shown is lost with the command, and nothing is decided by it."""
