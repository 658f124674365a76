"""Make what is delivered: one folder with everything a host needs, and proof of what it is."""
