"""Every interleaving of bookers, changers, ending holds and drainers: nothing is left without a drainer.

One lane is enough: a turn that has several takes each of them through these steps, and none waits for another. The
model is small enough to be exhausted: 3 bookers and 3 drainers reach every order of their steps. The protocol that is
ours must strand nothing, which means that from every world that can be reached some way leads on to one where nothing
is due; the ones that look right and are not must strand something, which shows that the model can tell.

The sweep looks only for what nobody wakes a lane for, the holds that have ended. In truth it looks for everything; but
bookings and changes must get their drainer without it.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import pytest

BOOKERS, DRAINERS = 3, 3
IDLE = "idle"

# What may be due, and its place in World.due.
BOOKING, CHANGE, ENDED_HOLD = range(3)
EVERYTHING = (BOOKING, CHANGE, ENDED_HOLD)
ACTS = (CHANGE, ENDED_HOLD)

Counts = tuple[int, int, int]
NOTHING: Counts = (0, 0, 0)


@dataclass(frozen=True)
class World:
    due: Counts = NOTHING
    flag: bool = False
    messages: int = 0
    lock: int | None = None
    arrivals: tuple[str, ...] = ("book",) * BOOKERS
    drainers: tuple[str, ...] = (IDLE,) * DRAINERS
    seen: tuple[Counts, ...] = (NOTHING,) * DRAINERS  # what each drainer's transaction has read
    duplicates: int = 0  # messages that may still come twice, or from a sweep
    expiries: int = 0  # flags that may still be lost

    def arrival(self, who: int, step: str, **changes: object) -> "World":
        return replace(self, arrivals=(*self.arrivals[:who], step, *self.arrivals[who + 1 :]), **changes)  # type: ignore[arg-type]  # fields of this class

    def drainer(self, who: int, step: str, **changes: object) -> "World":
        return replace(self, drainers=(*self.drainers[:who], step, *self.drainers[who + 1 :]), **changes)  # type: ignore[arg-type]  # as above

    def reads(self, who: int, counts: Counts) -> tuple[Counts, ...]:
        return (*self.seen[:who], counts, *self.seen[who + 1 :])

    def more(self, kind: int) -> Counts:
        return tuple(n + (kind == k) for k, n in enumerate(self.due))  # type: ignore[return-value]  # as many as there were

    def has(self, kinds: tuple[int, ...]) -> bool:
        return any(self.due[kind] for kind in kinds)

    @property
    def is_at_rest(self) -> bool:
        return self.due == NOTHING and all(step == "done" for step in self.arrivals)


Step = Callable[[World, int], World | None]  # None: cannot go on now
Protocol = dict[str, Step]

# Bookers and changers insert, then wake. A hold ends by itself, and nobody wakes for it.
ARRIVAL: Protocol = {
    "book": lambda w, i: w.arrival(i, "take", due=w.more(BOOKING)),
    "ask": lambda w, i: w.arrival(i, "take", due=w.more(CHANGE)),
    "hold": lambda w, i: w.arrival(i, "done", due=w.more(ENDED_HOLD)),
    "take": lambda w, i: w.arrival(i, "done") if w.flag else w.arrival(i, "send", flag=True),
    "send": lambda w, i: w.arrival(i, "done", messages=w.messages + 1),
}


def peek(then: str) -> Step:
    """Look whether there are acts, a look that may be from before the lock."""
    return lambda w, i: w.drainer(i, then, seen=w.reads(i, (0, int(w.has(ACTS)), 0)))


def lock(then: str) -> Step:
    return lambda w, i: w.drainer(i, then, lock=i) if w.lock is None else None


def lock_or(then: str, otherwise: str) -> Step:
    return lambda w, i: (
        w.drainer(i, then, lock=i) if w.lock is None else w.drainer(i, otherwise, seen=w.reads(i, NOTHING))
    )


def read(then: str) -> Step:
    return lambda w, i: w.drainer(i, then, seen=w.reads(i, w.due))


def read_as_peeked(then: str) -> Step:
    """Read bookings, and acts if there were any."""
    return lambda w, i: w.drainer(i, then, seen=w.reads(i, w.due if w.seen[i][CHANGE] else (w.due[BOOKING], 0, 0)))


def settle(then: str) -> Step:
    return lambda w, i: w.drainer(i, then, due=_less(w.due, w.seen[i]), lock=None, seen=w.reads(i, NOTHING))


def _less(due: Counts, seen: Counts) -> Counts:
    return tuple(max(0, n - s) for n, s in zip(due, seen, strict=True))  # type: ignore[return-value]  # as many as there were


def clear(then: str) -> Step:
    return lambda w, i: w.drainer(i, then, flag=False)


def look(found: str, kinds: tuple[int, ...] = EVERYTHING) -> Step:
    return lambda w, i: w.drainer(i, found if w.has(kinds) else IDLE)


def take(won: str) -> Step:
    return lambda w, i: w.drainer(i, IDLE) if w.flag else w.drainer(i, won, flag=True)


RECEIVE: Protocol = {IDLE: lambda w, i: w.drainer(i, "start", messages=w.messages - 1) if w.messages else None}

# worker/drain.py: leave a lane alone that is being settled; else drain, release, clear, look again, take back, go on.
OURS = RECEIVE | {
    "start": peek("lock"),
    "lock": lock_or("read", IDLE),
    "read": read_as_peeked("settle"),
    "settle": settle("clear"),
    "clear": clear("look"),
    "look": look("take"),
    "take": take("start"),
}
WAITING_FOR_THE_LOCK = OURS | {"lock": lock("read")}
NO_SECOND_LOOK = OURS | {"clear": clear(IDLE)}
LOOK_FOR_BOOKINGS_ALONE = OURS | {"look": look("take", (BOOKING,))}
LOOK_WITHOUT_CHANGES = OURS | {"look": look("take", (BOOKING, ENDED_HOLD))}
LOOK_WITHOUT_HOLDS = OURS | {"look": look("take", (BOOKING, CHANGE))}
CLEAR_FIRST_GIVE_UP_WHEN_LOCKED = RECEIVE | {
    "start": clear("try"),
    "try": lock_or("read", IDLE),
    "read": read("settle"),
    "settle": settle(IDLE),
}
CLEAR_FIRST_OLD_SNAPSHOT = RECEIVE | {
    "start": read("clear"),
    "clear": clear("lock"),
    "lock": lock("settle"),
    "settle": settle(IDLE),
}
CLEAR_FIRST_AND_WAIT = RECEIVE | {
    "start": clear("lock"),
    "lock": lock("read"),
    "read": read("settle"),
    "settle": settle(IDLE),
}

SWEEP = (ENDED_HOLD,)
SWEEP_WITHOUT_HOLDS = ()


def successors(world: World, protocol: Protocol, swept: tuple[int, ...]) -> Iterator[World]:
    for actors, steps in ((world.arrivals, ARRIVAL), (world.drainers, protocol)):
        for who, step in enumerate(actors):
            following = steps[step](world, who) if step in steps else None
            if following is not None:
                yield following
    if world.has(swept) and not world.messages:
        yield replace(world, messages=1)


def mishaps(world: World) -> Iterator[World]:
    if world.duplicates:
        yield replace(world, messages=world.messages + 1, duplicates=world.duplicates - 1)
    if world.expiries and world.flag:
        yield replace(world, flag=False, expiries=world.expiries - 1)


def stranded(protocol: Protocol, start: World = World(), swept: tuple[int, ...] = SWEEP) -> tuple[int, set[int]]:
    """Walk every reachable world; return how many there are, and what is due at the ends from which none leads to rest.

    A mishap leads to worlds that must be able to go on, but is no way out of one that cannot.
    """
    seen = {start}
    frontier = [start]
    before: dict[World, list[World]] = defaultdict(list)
    while frontier:
        world = frontier.pop()
        following = list(successors(world, protocol, swept))
        for next_world in following:
            before[next_world].append(world)
        for next_world in (*following, *mishaps(world)):
            if next_world not in seen:
                seen.add(next_world)
                frontier.append(next_world)
    lost = seen - _all_before([world for world in seen if world.is_at_rest], before)
    ends = [world for world in lost if not any(successors(world, protocol, swept))]
    assert bool(ends) == bool(lost), "some go round in a ring for ever"
    return len(seen), {kind for world in ends for kind, n in enumerate(world.due) if n}


def _all_before(ends: list[World], before: dict[World, list[World]]) -> set[World]:
    found = set(ends)
    while ends:
        for world in before[ends.pop()]:
            if world not in found:
                found.add(world)
                ends.append(world)
    return found


def two_drainers(*arrivals: str) -> World:
    return World(arrivals=arrivals, drainers=(IDLE,) * 2, seen=(NOTHING,) * 2)


ALL_KINDS = two_drainers("book", "ask", "hold")


def test_the_protocol_that_ships_strands_no_booking() -> None:
    worlds, left_over = stranded(OURS)
    assert not left_over
    assert worlds > 2_000  # the model did interleave


@pytest.mark.parametrize(
    "start",
    [World(arrivals=("book", "ask", "hold")), two_drainers("ask", "ask", "hold", "hold")],
    ids=["of each kind one", "changes and holds"],
)
def test_the_protocol_that_ships_strands_no_change_and_no_ended_hold(start: World) -> None:
    worlds, left_over = stranded(OURS, start)
    assert not left_over
    assert worlds > 3_000


@pytest.mark.parametrize(("duplicates", "expiries"), [(1, 0), (0, 1), (2, 2)])
@pytest.mark.parametrize(
    "start",
    [World(arrivals=("book", "book")), two_drainers("book", "ask"), two_drainers("ask", "hold")],
    ids=["bookings", "a booking and a change", "a change and a hold"],
)
def test_doubled_messages_and_lost_flags_strand_none_either(start: World, duplicates: int, expiries: int) -> None:
    # Then several drainers meet at one lane, and all but one give up.
    few = replace(start, duplicates=duplicates, expiries=expiries)
    assert not stranded(OURS, few)[1]
    assert not stranded(WAITING_FOR_THE_LOCK, few)[1]


def test_clearing_first_and_waiting_for_the_lock_strands_none_either() -> None:
    # Not chosen: its drainers hold worker slots while they wait.
    assert not stranded(CLEAR_FIRST_AND_WAIT)[1]
    assert not stranded(CLEAR_FIRST_AND_WAIT, ALL_KINDS)[1]


@pytest.mark.parametrize(
    "protocol",
    [NO_SECOND_LOOK, CLEAR_FIRST_GIVE_UP_WHEN_LOCKED, CLEAR_FIRST_OLD_SNAPSHOT],
    ids=["no second look", "clear first, give up when locked", "clear first, read an old snapshot"],
)
def test_protocols_that_only_look_right_strand_bookings(protocol: Protocol) -> None:
    assert stranded(protocol)[1] == {BOOKING}


@pytest.mark.parametrize(
    ("protocol", "swept", "left_over"),
    [
        (LOOK_WITHOUT_CHANGES, SWEEP, {CHANGE}),
        (LOOK_FOR_BOOKINGS_ALONE, SWEEP, {CHANGE}),
        (LOOK_WITHOUT_HOLDS, SWEEP_WITHOUT_HOLDS, {ENDED_HOLD}),
        (LOOK_FOR_BOOKINGS_ALONE, SWEEP_WITHOUT_HOLDS, {CHANGE, ENDED_HOLD}),
        (OURS, SWEEP_WITHOUT_HOLDS, {ENDED_HOLD}),
    ],
    ids=[
        "a second look without changes",
        "a second look for bookings alone",
        "a second look and a sweep without holds",
        "a second look for bookings alone, and a sweep without holds",
        "a sweep without holds",
    ],
)
def test_who_looks_for_less_strands_it(protocol: Protocol, swept: tuple[int, ...], left_over: set[int]) -> None:
    assert stranded(protocol, ALL_KINDS, swept)[1] == left_over


def test_the_sweep_finds_the_holds_for_which_no_drainer_looks_again() -> None:
    assert not stranded(LOOK_WITHOUT_HOLDS, ALL_KINDS)[1]
