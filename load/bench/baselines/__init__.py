"""What ours is compared with. Each is written to be good at what it is; nothing in it is slow on purpose."""
