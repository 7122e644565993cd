"""Where the values of variables come from, and what they must be."""
