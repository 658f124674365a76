"""What a run is asked for (`config.run`), what a process is set to (`config.settings`), and how it serves."""
