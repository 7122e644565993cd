"""Moments as they go over the wire."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from shared.clock import rfc3339, utc_now


def test_now_knows_its_zone() -> None:
    assert utc_now().utcoffset() == timedelta(0)


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=UTC), "2026-01-02T03:04:05.000006Z"),
        (datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), "2026-01-02T03:04:05Z"),
        (datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone(timedelta(hours=9))), "2026-01-01T18:04:05Z"),
        (datetime(2026, 1, 1, 0, 0, tzinfo=timezone(-timedelta(hours=5, minutes=30))), "2026-01-01T05:30:00Z"),
        (datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC), "9999-12-31T23:59:59.999999Z"),
    ],
)
def test_moments_are_written_in_utc_with_z(moment: datetime, text: str) -> None:
    assert rfc3339(moment) == text
    assert datetime.fromisoformat(text) == moment
