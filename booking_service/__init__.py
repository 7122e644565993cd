"""Owns events, seats and bookings; believes the auth service's tokens without asking it."""
