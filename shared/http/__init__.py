"""What both services do alike over HTTP. The only FastAPI code in `shared`."""
