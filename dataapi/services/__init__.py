"""What the data API does, as plain functions on a store: used alike by routes and commands."""
