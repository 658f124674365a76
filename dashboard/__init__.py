"""The pages: Dash on Flask, without a database and without state of its own."""
