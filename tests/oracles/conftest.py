"""`theirs.py` runs in another environment: here its imports do not exist."""

collect_ignore = ["theirs.py"]
