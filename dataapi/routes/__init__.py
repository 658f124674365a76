"""The data API over HTTP: each route reads a request, asks a service, and answers."""
