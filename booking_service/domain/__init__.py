"""What bookings mean, without HTTP, queues or commits: each function takes a connection inside a transaction."""
