"""Real servers and our own processes, found, started, awaited, frozen and ended for tests, campaign and benchmark."""
