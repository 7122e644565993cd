"""What users, passwords and logins are. Knows no HTTP, and never commits."""
