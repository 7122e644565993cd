"""Sessions: begun by a login, gone on with by refresh tokens, ended (`docs/decisions/0018-sessions.md`)."""
