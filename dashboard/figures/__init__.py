"""Charts: pure functions from data and theme to a plotly figure."""
