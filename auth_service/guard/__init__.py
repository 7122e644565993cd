"""Against guessing and flooding: counts of requests and of wrong passwords (`docs/decisions/0021-rate-limits.md`)."""
