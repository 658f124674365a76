"""What a run is asked for, what a process is set to, and how it logs and serves."""
