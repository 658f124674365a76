"""Sweeps: one run at every combination of its parameters' values."""
