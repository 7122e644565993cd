"""Load: the side-by-side benchmark."""
