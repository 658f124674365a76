"""`theirs*.py` run in another environment: here their imports do not exist."""

collect_ignore = ["theirs.py", "theirs_resampled.py"]
