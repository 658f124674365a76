"""Compiled loops: arrays in, `out` last, no allocation inside, and nothing else."""
