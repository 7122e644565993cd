"""How the parts are run: all of them on one machine with `make run`, or in containers with compose."""
