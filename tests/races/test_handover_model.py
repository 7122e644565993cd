"""Every interleaving of bookers and drainers, step by step: no booking is left without a drainer.

One lane is enough: a turn that has several takes each of them through these steps, and none waits for another. The
model is small enough to be exhausted: 3 bookers and 3 drainers reach every order of their steps. The protocol that is
ours must strand nothing in any end state; the ones that look right and are not must strand something, which shows that
the model can tell.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import pytest

BOOKERS, DRAINERS = 3, 3
IDLE = "idle"


@dataclass(frozen=True)
class World:
    due: int = 0
    flag: bool = False
    messages: int = 0
    lock: int | None = None
    bookers: tuple[str, ...] = ("commit",) * BOOKERS
    drainers: tuple[str, ...] = (IDLE,) * DRAINERS
    seen: tuple[int, ...] = (0,) * DRAINERS  # what each drainer's transaction has read
    duplicates: int = 0  # messages that may still come twice, or from a sweep
    expiries: int = 0  # flags that may still be lost

    def booker(self, who: int, step: str, **changes: object) -> "World":
        return replace(self, bookers=(*self.bookers[:who], step, *self.bookers[who + 1 :]), **changes)  # type: ignore[arg-type]  # fields of this class

    def drainer(self, who: int, step: str, **changes: object) -> "World":
        return replace(self, drainers=(*self.drainers[:who], step, *self.drainers[who + 1 :]), **changes)  # type: ignore[arg-type]  # as above

    def reads(self, who: int) -> tuple[int, ...]:
        return (*self.seen[:who], self.due, *self.seen[who + 1 :])


Step = Callable[[World, int], World | None]  # None: cannot go on now
Protocol = dict[str, Step]

BOOKER: Protocol = {
    "commit": lambda w, i: w.booker(i, "take", due=w.due + 1),
    "take": lambda w, i: w.booker(i, "done") if w.flag else w.booker(i, "send", flag=True),
    "send": lambda w, i: w.booker(i, "done", messages=w.messages + 1),
}


def lock(then: str) -> Step:
    return lambda w, i: w.drainer(i, then, lock=i) if w.lock is None else None


def lock_or(then: str, otherwise: str) -> Step:
    return lambda w, i: w.drainer(i, then, lock=i) if w.lock is None else w.drainer(i, otherwise)


def read(then: str) -> Step:
    return lambda w, i: w.drainer(i, then, seen=w.reads(i))


def settle(then: str) -> Step:
    return lambda w, i: w.drainer(i, then, due=w.due - w.seen[i], lock=None)


def clear(then: str) -> Step:
    return lambda w, i: w.drainer(i, then, flag=False)


def look(found: str) -> Step:
    return lambda w, i: w.drainer(i, found if w.due else IDLE)


def take(won: str) -> Step:
    return lambda w, i: w.drainer(i, IDLE) if w.flag else w.drainer(i, won, flag=True)


RECEIVE: Protocol = {IDLE: lambda w, i: w.drainer(i, "start", messages=w.messages - 1) if w.messages else None}

# worker/drain.py: leave a lane alone that is being settled; else drain, release, clear, look again, take back, go on.
OURS = RECEIVE | {
    "start": lock_or("read", IDLE),
    "read": read("settle"),
    "settle": settle("clear"),
    "clear": clear("look"),
    "look": look("take"),
    "take": take("start"),
}
WAITING_FOR_THE_LOCK = OURS | {"start": lock("read")}
NO_SECOND_LOOK = OURS | {"clear": clear(IDLE)}
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
    "settle": lambda w, i: w.drainer(i, IDLE, due=max(0, w.due - w.seen[i]), lock=None),
}
CLEAR_FIRST_AND_WAIT = RECEIVE | {
    "start": clear("lock"),
    "lock": lock("read"),
    "read": read("settle"),
    "settle": settle(IDLE),
}


def successors(world: World, protocol: Protocol) -> Iterator[World]:
    for actors, steps in ((world.bookers, BOOKER), (world.drainers, protocol)):
        for who, step in enumerate(actors):
            following = steps[step](world, who) if step in steps else None
            if following is not None:
                yield following


def mishaps(world: World) -> Iterator[World]:
    if world.duplicates:
        yield replace(world, messages=world.messages + 1, duplicates=world.duplicates - 1)
    if world.expiries and world.flag:
        yield replace(world, flag=False, expiries=world.expiries - 1)


def stranded(protocol: Protocol, start: World = World()) -> tuple[int, int]:
    """Walk every reachable world; return how many there are, and the most bookings left over in an end state."""
    seen = {start}
    frontier = [start]
    left_over = 0
    while frontier:
        world = frontier.pop()
        following = list(successors(world, protocol))
        if not following:
            left_over = max(left_over, world.due)
        for next_world in (*following, *mishaps(world)):
            if next_world not in seen:
                seen.add(next_world)
                frontier.append(next_world)
    return len(seen), left_over


def test_the_protocol_that_ships_strands_no_booking() -> None:
    worlds, left_over = stranded(OURS)
    assert left_over == 0
    assert worlds > 3_000  # the model did interleave


@pytest.mark.parametrize(("duplicates", "expiries"), [(1, 0), (0, 1), (2, 2)])
def test_doubled_messages_and_lost_flags_strand_none_either(duplicates: int, expiries: int) -> None:
    # Then several drainers meet at one lane, and all but one give up.
    few = World(bookers=("commit",) * 2, duplicates=duplicates, expiries=expiries)
    assert stranded(OURS, few)[1] == 0
    assert stranded(WAITING_FOR_THE_LOCK, few)[1] == 0


def test_clearing_first_and_waiting_for_the_lock_strands_none_either() -> None:
    # Not chosen: its drainers hold worker slots while they wait.
    assert stranded(CLEAR_FIRST_AND_WAIT)[1] == 0


@pytest.mark.parametrize(
    "protocol",
    [NO_SECOND_LOOK, CLEAR_FIRST_GIVE_UP_WHEN_LOCKED, CLEAR_FIRST_OLD_SNAPSHOT],
    ids=["no second look", "clear first, give up when locked", "clear first, read an old snapshot"],
)
def test_protocols_that_only_look_right_strand_bookings(protocol: Protocol) -> None:
    assert stranded(protocol)[1] > 0
