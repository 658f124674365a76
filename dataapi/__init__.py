"""The data API: everything that knows the data, the engine and the store. Imports nothing here."""
