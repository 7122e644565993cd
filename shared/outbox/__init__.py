"""What must be told to somebody: written in the transaction that made it true, delivered later, at least once."""
