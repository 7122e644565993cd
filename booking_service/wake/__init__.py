"""All that is said between API processes and workers: flags, messages, signs of life, and their names."""
