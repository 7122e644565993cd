"""Changes: rare acts upon bookings and events, from asking for one to what came of it."""
