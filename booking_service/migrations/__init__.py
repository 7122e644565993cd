"""The history of this service's tables, which Alembic loads from this folder."""

from pathlib import Path

MIGRATIONS = Path(__file__).parent
