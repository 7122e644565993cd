"""How many requests somebody may send within a time: the rule, and counts in this process."""
