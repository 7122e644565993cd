"""`make run`: every process on this machine, with nothing installed but Python."""
