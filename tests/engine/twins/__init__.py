"""The engine against its naive twins, on as many cases as asked for: see `__main__`."""
