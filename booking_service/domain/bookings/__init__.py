"""Bookings: taking them in and looking them up."""
