"""`make bench`: ours beside what a competent engineer would write first, and beside an endpoint that does nothing."""
