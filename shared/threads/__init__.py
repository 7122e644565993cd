"""Work off the event loop, bounded and in batches."""
