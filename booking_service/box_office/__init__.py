"""One process's way to sell."""
