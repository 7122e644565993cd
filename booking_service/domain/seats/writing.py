"""Writing what was decided: everything follows from the transitions, so that no act can forget a part of it."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import Connection

from booking_service.domain.models import HELD, NOT_DUE, PENDING, WAITLISTED
from booking_service.domain.seats.decision import seats_taken
from booking_service.domain.seats.journal import write_journal
from booking_service.domain.seats.situation import Decided, EventSeats, Situation, Transition
from booking_service.domain.seats.statements import run
from shared.database.literals import blob, moment, numbers, text


class Before(NamedTuple):
    """What of an event counts for writing it, as it was read."""

    capacity: int
    available: int
    rest: tuple[int, bool, bytes | None, bool]

    @classmethod
    def of(cls, event: EventSeats) -> "Before":
        """Note how ``event`` stands."""
        return cls(
            event.capacity,
            event.available,
            (event.waiting, event.is_suspended, event.promoted_to, event.is_cancelled),
        )


def write_decided(connection: Connection, situation: Situation, before: Mapping[int, Before], decided: Decided) -> None:
    """Write ``decided``, which was made of ``situation``, whose events were as ``before``.

    Raises SettlementConflictError when a row changed under the lock.
    """
    transitions = decided.transitions
    if situation.events:
        transitions = _folded(transitions)
        _write_holds(connection, situation, transitions)
        _write_waiting(connection, situation, transitions)
        _write_user_seats(connection, situation, transitions)
        write_journal(connection, situation, decided)
    _write_bookings(connection, transitions, situation.now)
    _write_stock(connection, situation.events, before, seats_taken(transitions))


def _folded(transitions: Iterable[Transition]) -> list[Transition]:
    """Make one of several transitions of a booking: what it was first, and what it is at last."""
    folded: dict[bytes, Transition] = {}
    for last in transitions:
        first = folded.get(last.id, last)
        folded[last.id] = last._replace(was=first.was, seats_was=first.seats_was)
    return list(folded.values())


def _write_bookings(connection: Connection, transitions: Sequence[Transition], now: datetime) -> None:
    groups: dict[tuple[str, str, str | None, int | None], list[bytes]] = defaultdict(list)
    for booking_id, _, was, status, seats_was, seats, reason in transitions:
        groups[was, status, reason, None if seats == seats_was else seats].append(booking_id)
    for (was, status, reason, other_seats), ids in groups.items():
        # Not `AND due_lane …`, which an index serves: a walk through that would wait for bookings of other lanes.
        first = f",due_lane={NOT_DUE},settled_at={moment(now)}" if was == PENDING != status else ""
        other = "" if other_seats is None else f",seats={other_seats}"
        run(
            connection,
            f"UPDATE bookings SET status='{status}',reason={text(connection, reason)}{first}{other} "  # noqa: S608  codes of our own and literals
            f"WHERE id IN ({_blobs(ids)}) AND status='{was}'",
            rows=len(ids),
        )


def _write_stock(
    connection: Connection, ruled: Mapping[int, EventSeats], before: Mapping[int, Before], taken: dict[int, int]
) -> None:
    for event_id, event in ruled.items():
        was, stands = before[event_id], Before.of(event)
        if (was.capacity, was.rest) == (stands.capacity, stands.rest):
            continue
        taken.pop(event_id, None)  # written here, as a part of all that became different
        run(
            connection,
            f"UPDATE stock SET capacity={event.capacity},available=available-({was.available - event.available}),"  # noqa: S608  numbers and literals
            f"waiting={event.waiting},is_waitlist_suspended={int(event.is_suspended)},"
            f"promoted_to={_blob(event.promoted_to)},is_cancelled={int(event.is_cancelled)} "
            f"WHERE event_id={event_id} AND capacity={was.capacity}",
            rows=1,
        )
    _move_seats(connection, taken)


def _move_seats(connection: Connection, taken: dict[int, int]) -> None:
    if not taken:
        return
    events: dict[int, list[int]] = defaultdict(list)
    for event_id, seats in taken.items():
        events[seats].append(event_id)
    cases = " ".join(f"WHEN event_id IN ({numbers(ids)}) THEN {seats}" for seats, ids in events.items())
    # One statement for all events. Relative, and bounded by the table's CHECK: a second defence behind the lock.
    run(
        connection,
        f"UPDATE stock SET available=available-CASE {cases} END WHERE event_id IN ({numbers(taken)})",  # noqa: S608  numbers
        rows=len(taken),
    )


def _write_holds(connection: Connection, situation: Situation, transitions: Iterable[Transition]) -> None:
    begun, ended = [], []
    for transition in transitions:
        if transition.was == HELD != transition.status:
            ended.append(transition.id)
        elif transition.status == HELD != transition.was:
            event = situation.events[transition.event_id]
            expires_at = situation.now + timedelta(seconds=event.rules.hold_seconds or 0)
            begun.append(f"({blob(transition.id)},{event.lane},{moment(expires_at)})")
    if ended:
        run(connection, f"DELETE FROM holds WHERE booking_id IN ({_blobs(ended)})", rows=len(ended))  # noqa: S608  literals
    if begun:
        run(
            connection,
            f"INSERT INTO holds (booking_id,lane,expires_at) VALUES {','.join(begun)}",  # noqa: S608  literals
            rows=len(begun),
        )


def _write_waiting(connection: Connection, situation: Situation, transitions: Iterable[Transition]) -> None:
    gone: dict[int, list[bytes]] = defaultdict(list)
    places = []
    for transition in transitions:
        if transition.was == WAITLISTED:
            gone[transition.event_id].append(transition.id)
        if transition.status == WAITLISTED:
            booking = situation.bookings[transition.id]
            numbered = numbers([booking.user_id, booking.seats, booking.enough])
            places.append(f"({transition.event_id},{blob(booking.id)},{numbered})")
    for event_id, ids in gone.items():
        run(
            connection,
            f"DELETE FROM waiting WHERE event_id={event_id} AND booking_id IN ({_blobs(ids)})",  # noqa: S608  literals
            rows=len(ids),
        )
    if places:
        run(
            connection,
            f"INSERT INTO waiting (event_id,booking_id,user_id,seats,seats_min) VALUES {','.join(places)}",  # noqa: S608  literals
            rows=len(places),
        )


def _write_user_seats(connection: Connection, situation: Situation, transitions: Iterable[Transition]) -> None:
    users = {
        (transition.event_id, situation.bookings[transition.id].user_id)
        for transition in transitions
        if (event := situation.events.get(transition.event_id)) and event.rules.seats_per_user_max is not None
    }
    if not users:
        return
    has = {user: situation.events[user[0]].user_seats[user[1]] for user in users}
    # Whoever has none has no row.
    gone = [user for user, seats in has.items() if not seats]
    for event_id in {event_id for event_id, _ in gone}:
        ids = numbers(user_id for event, user_id in gone if event == event_id)
        connection.exec_driver_sql(f"DELETE FROM user_seats WHERE event_id={event_id} AND user_id IN ({ids})")  # noqa: S608  numbers
    if rows := ",".join(f"({numbers([*user, seats])})" for user, seats in has.items() if seats):
        connection.exec_driver_sql(f"REPLACE INTO user_seats (event_id,user_id,seats) VALUES {rows}")  # noqa: S608  numbers


def _blobs(ids: Iterable[bytes]) -> str:
    return ",".join(map(blob, ids))


def _blob(identifier: bytes | None) -> str:
    return "NULL" if identifier is None else blob(identifier)
