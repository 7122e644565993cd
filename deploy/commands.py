"""How our own processes are run, as arguments of Python; docker-compose.yml and docs/operating.md say the same."""

APP = "worker.app"
DELIVERIES_APP = "worker.deliveries.app"


def celery_worker(app: str) -> tuple[str, ...]:
    """Say how a worker of ``app`` is run: so that it gets over a connection that died in silence."""
    return ("-m", "celery", "-A", app, "worker", "--without-gossip", "--without-mingle", "--without-heartbeat")


AUTH = ("-m", "auth_service", "serve")
BOOKING = ("-m", "booking_service", "serve")
WORKER = celery_worker(APP)
BEAT = ("-m", "celery", "-A", APP, "beat")
DELIVERIES = celery_worker(DELIVERIES_APP)
DELIVERIES_BEAT = ("-m", "celery", "-A", DELIVERIES_APP, "beat")
