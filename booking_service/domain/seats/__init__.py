"""Seats: lanes, and what the holder of a lane decides."""
