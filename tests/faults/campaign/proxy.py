"""A TCP proxy that can refuse, cut, reset, delay and black-hole connections, and cut them at a byte pattern.

It knows nothing of the protocol. Connections through it must not be encrypted, or no pattern is ever seen.
"""

import asyncio
import os
import socket
import struct
import threading
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from enum import Enum
from functools import partial
from typing import Any

import uvloop

CHUNK_BYTES = 65_536
CALL_SECONDS_MAX = 10
TAIL_BYTES = 32  # the longest pattern
# Linger for no time: closing throws away what was not sent and answers with RST.
RESET = struct.pack("ii", 1, 0)
MYSQL_COMMIT = b"\x03COMMIT"  # a query packet (its type is 3) that says COMMIT


class Way(Enum):
    """Which way bytes go."""

    TO_SERVER = "to the server"
    TO_CLIENT = "to the client"


class LoopThread:
    """An event loop in a thread of its own, for any number of proxies."""

    def __init__(self) -> None:
        self.loop = uvloop.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, name="proxies", daemon=True)
        self._thread.start()

    def call(self, work: Coroutine[Any, Any, None]) -> None:
        """Run ``work`` on the loop and wait for its end."""
        asyncio.run_coroutine_threadsafe(work, self.loop).result(CALL_SECONDS_MAX)

    def close(self) -> None:
        """End the loop; its proxies are closed before. Again is no harm."""
        if self.loop.is_closed():
            return
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(CALL_SECONDS_MAX)
        self.loop.close()


@dataclass(frozen=True, eq=False)
class Cut:
    """Where to cut: at the ``nth`` time that ``pattern`` comes from a client.

    Before it is forwarded, so the server never sees it; or ``after``: the server acts on it, and its answer is lost.
    With ``armed_by`` only on connections on which that came before, since the last time.
    """

    pattern: bytes
    after: bool
    nth: int = 1
    armed_by: bytes = b""
    done: threading.Event = field(default_factory=threading.Event)


@dataclass(eq=False)
class Link:
    """One connection through the proxy."""

    near: asyncio.StreamWriter
    far: asyncio.StreamWriter
    tail: bytes = b""  # the end of what the client sent, in case a pattern is split
    answer_is_lost: bool = False
    armed: set["Cut"] = field(default_factory=set)

    def end(self, *, reset: bool) -> None:
        for writer in (self.near, self.far):
            if reset:
                with suppress(OSError), socket.socket(fileno=os.dup(writer.get_extra_info("socket").fileno())) as same:
                    same.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                writer.transport.abort()
            else:
                writer.close()


@contextmanager
def proxy_of(host: str, port: int) -> Iterator["Proxy"]:
    """Stand in front of one server, with a thread of its own."""
    thread = LoopThread()
    proxy = Proxy(thread, (host, port))
    try:
        yield proxy
    finally:
        proxy.close()
        thread.close()


class Proxy:
    """Stands in front of the server at ``target``; `port` is where its clients connect. Methods are for any thread."""

    def __init__(self, thread: LoopThread, target: tuple[str, int]) -> None:
        self._thread = thread
        self._target = target
        self._links: set[Link] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._open = {way: asyncio.Event() for way in Way}
        self._delay_seconds = dict.fromkeys(Way, 0.0)
        self._cuts: dict[Cut, int] = {}
        self._server: asyncio.Server | None = None
        self.port = 0
        self.accept()

    def accept(self) -> None:
        """Accept connections, and let bytes pass at once."""
        self._call(self._accept)

    def refuse(self) -> None:
        """Refuse new connections; those that exist go on."""
        self._call(self._refuse)

    def cut(self, *, reset: bool = False) -> None:
        """End all connections, in good order or with RST."""
        self._call(partial(self._cut, reset=reset))

    def delay(self, seconds: float, *ways: Way) -> None:
        """Hold each chunk back for ``seconds``, both ways unless told."""
        self._call(lambda: self._delay_seconds.update(dict.fromkeys(ways or Way, seconds)))

    def black_hole(self, *ways: Way) -> None:
        """Let no byte through, both ways unless told; `accept` lets them all go on, as after lost packets."""
        self._call(partial(self._swallow, ways or tuple(Way)))

    def cut_at(self, cut: Cut) -> Cut:
        """Cut the connection that fulfils ``cut``, once; its `done` is set then."""
        self._call(lambda: self._cuts.update({cut: 0}))
        return cut

    def forget(self, cut: Cut) -> None:
        """Do not cut there any more."""
        self._call(lambda: self._cuts.pop(cut, None))

    def close(self) -> None:
        """Stop, and end all connections."""
        self._call(self._refuse)
        self._call(partial(self._cut, reset=True))
        self._thread.call(self._finish())

    def _call(self, act: Callable[[], object]) -> None:
        async def work() -> None:
            result = act()
            if asyncio.iscoroutine(result):
                await result

        self._thread.call(work())

    async def _accept(self) -> None:
        self._delay_seconds = dict.fromkeys(Way, 0.0)
        for gate in self._open.values():
            gate.set()
        if self._server is None:
            self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
            self.port = self._server.sockets[0].getsockname()[1]

    def _refuse(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None

    def _swallow(self, ways: Sequence[Way]) -> None:
        for way in ways:
            self._open[way].clear()

    def _cut(self, *, reset: bool) -> None:
        for link in self._links:
            link.end(reset=reset)
        for gate in self._open.values():  # what was held back ends as well
            if not gate.is_set():
                gate.set()
                gate.clear()

    async def _finish(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, near: asyncio.StreamWriter) -> None:
        try:
            far_reader, far = await asyncio.open_connection(*self._target)
        except OSError:
            near.transport.abort()
            return
        link = Link(near, far)
        self._links.add(link)
        pumps = [
            asyncio.create_task(self._pump(link, reader, far, Way.TO_SERVER)),
            asyncio.create_task(self._pump(link, far_reader, near, Way.TO_CLIENT)),
        ]
        self._tasks.update(pumps)
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for pump in pumps:
                pump.cancel()
            self._tasks.difference_update(pumps)
            link.end(reset=False)
            self._links.discard(link)

    async def _pump(self, link: Link, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, way: Way) -> None:
        with suppress(OSError):
            while chunk := await reader.read(CHUNK_BYTES):
                await self._open[way].wait()
                if self._delay_seconds[way]:
                    await asyncio.sleep(self._delay_seconds[way])
                if way is Way.TO_CLIENT and link.answer_is_lost:
                    return link.end(reset=True)
                cut = self._pattern_in(link, chunk) if way is Way.TO_SERVER and self._cuts else None
                if cut is not None and not cut.after:
                    cut.done.set()
                    return link.end(reset=True)
                link.answer_is_lost = link.answer_is_lost or cut is not None
                writer.write(chunk)
                await writer.drain()
                if cut is not None:
                    cut.done.set()
        return None

    def _pattern_in(self, link: Link, chunk: bytes) -> Cut | None:
        """Find the cut whose pattern comes in ``chunk`` for the time that it waited for."""
        seen = link.tail + chunk
        found = None
        for cut in list(self._cuts):
            if cut.armed_by and cut.armed_by in seen:
                link.armed.add(cut)
            fresh = seen[max(0, len(link.tail) - len(cut.pattern) + 1) :]
            if cut.pattern in fresh and (not cut.armed_by or cut in link.armed):
                link.armed.discard(cut)
                self._cuts[cut] += 1
                if self._cuts[cut] == cut.nth:
                    del self._cuts[cut]
                    found = cut
        link.tail = seen[-TAIL_BYTES:]
        return found
