# SPDX-License-Identifier: MIT
"""Flows: which frame on the wire is which sk_buff. By content, and of equal ones the first is the first."""

from __future__ import annotations

import hashlib
from collections import deque

from sim.observe.trace_file import Condition, Track
from sim.wire import MIN_BYTES

__all__ = ["Flow", "Flows"]

_DIGEST_BYTES = 16
_PAGE_BITS = 12  # a mapping has its pages for itself (driver/host.py: DmaTable), and a burst crosses none
_DIRECTIONS = 2


class Flow(Condition):
    """One frame on its way. Nothing of it is written until it gets there."""

    __slots__ = ("_flows", "key", "number", "pages")

    def __init__(self, flows: Flows, key: bytes, number: int) -> None:
        super().__init__()
        self._flows = flows
        self.key = key
        self.number = number
        self.pages: list[int] = []

    def give_up(self) -> None:
        """It will not arrive."""
        super().give_up()
        self._flows.forget(self)


class Flows:
    """The frames of one direction. name: of their arrows; first: 1 or 2, as every second number is theirs."""

    def __init__(self, name: str, first: int) -> None:
        self.name = name
        self._next = first
        self._pending: dict[bytes, deque[Flow]] = {}
        self._pages: dict[int, Flow] = {}

    @property
    def pending(self) -> int:
        """Frames on their way."""
        return sum(map(len, self._pending.values()))

    def start(self, data: bytes, track: Track, ns: int) -> Flow:
        """A frame sets out. data: without FCS, padded or not."""
        flow = Flow(self, _key(data), self._next)
        self._next += _DIRECTIONS
        self._pending.setdefault(flow.key, deque()).append(flow)
        track.flow("s", ns, flow.number, self.name, flow)
        return flow

    def mapped(self, flow: Flow, iova: int) -> None:
        """Its bytes lie there for the card: the first burst that reads them is a step."""
        page = iova >> _PAGE_BITS
        flow.pages.append(page)
        self._pages[page] = flow

    def step(self, iova: int, track: Track, ns: int) -> None:
        """A burst of the card."""
        flow = self._pages.pop(iova >> _PAGE_BITS, None)
        if flow is not None:
            track.flow("t", ns, flow.number, self.name, flow)

    def finish(self, data: bytes, track: Track, ns: int) -> None:
        """A frame has arrived; nothing happens if none like it was on its way."""
        waiting = self._pending.get(_key(data))
        if waiting:
            flow = waiting[0]
            self.forget(flow)
            track.flow("f", ns, flow.number, self.name, flow)
            flow.holds = True
            track.settle()

    def give_up(self) -> None:
        """None of them will arrive."""
        for waiting in list(self._pending.values()):
            for flow in list(waiting):
                flow.give_up()

    def forget(self, flow: Flow) -> None:
        waiting = self._pending[flow.key]
        waiting.remove(flow)
        if not waiting:
            del self._pending[flow.key]
        for page in flow.pages:
            if self._pages.get(page) is flow:
                del self._pages[page]


def _key(data: bytes) -> bytes:
    return hashlib.blake2b(data.ljust(MIN_BYTES, b"\0"), digest_size=_DIGEST_BYTES).digest()
