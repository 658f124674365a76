"""Each rule broken on purpose: see `__main__`."""
