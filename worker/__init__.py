"""Runs settlement and the sweep. Start as many as you like, anywhere, at any time."""
