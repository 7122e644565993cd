"""The HTTP interface: each route opens a transaction, calls the domain and translates the result."""
