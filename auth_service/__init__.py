"""Users, passwords, roles and the keys that access tokens are signed with."""
