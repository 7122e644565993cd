"""What both services and the worker stand on. Outside `shared.http` nothing here knows FastAPI or Starlette."""
