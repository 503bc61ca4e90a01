# SPDX-License-Identifier: MIT
"""The five AXI channels of a slave, on cocotbext-axi's channel classes, made for many beats a second.

A sink hands each accepted item to a callback as a tuple of ints; a source sends queued tuples. Both sleep on the
DUT's own signals when nothing moves, so that an idle bus costs nothing, and both withhold ready or valid in a random
share of the busy cycles. What cocotbext-axi's own loops do per beat (a transaction object, every optional signal,
a monitor task per handshake signal) is left out: it is most of the cost of a beat.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from random import Random
from typing import Any

from cocotb.triggers import Event, RisingEdge
from cocotbext.axi.axi_channels import AxiARSink, AxiAWSink, AxiBSource, AxiRSource, AxiWSink
from cocotbext.axi.stream import StreamSink, StreamSource

__all__ = ["AddressReadSink", "AddressWriteSink", "ReadDataSource", "ResponseSource", "WriteDataSink"]

Item = tuple[int, ...]


class Stalls:
    """Decides, busy cycle by busy cycle, whether to withhold a handshake."""

    def __init__(self, share: float, random: Random) -> None:
        self._share = share
        self._random = random

    def __call__(self) -> bool:
        return self._share > 0 and self._random.random() < self._share


class _Sink(StreamSink):  # type: ignore[misc]
    """A sink with our per-cycle loop."""

    fields: tuple[str, ...]

    def __init__(self, bus: Any, clock: Any, accept: Callable[[Item], None], stalls: Stalls) -> None:
        self._accept = accept
        self._stalls = stalls
        super().__init__(bus, clock)

    async def _run(self) -> None:
        edge, rising = RisingEdge(self.clock), RisingEdge(self.valid)
        signals = [getattr(self.bus, name) for name in self.fields]
        valid, stalled = self.valid, False
        self.ready.value = 1
        await edge
        while True:
            if not valid.value:
                await rising
            elif not stalled:
                self._accept(tuple([int(signal.value) for signal in signals]))
            if self._stalls() != stalled:
                stalled = not stalled
                self.ready.value = int(not stalled)
            await edge


class _Source(StreamSource):  # type: ignore[misc]
    """A source with our per-cycle loop."""

    fields: tuple[str, ...]

    def __init__(self, bus: Any, clock: Any, stalls: Stalls) -> None:
        self._stalls = stalls
        self._items: deque[Item] = deque()
        self._filled = Event()
        self._low = Event()
        self.taken: Callable[[Item], None] | None = None  # hears of each item that the DUT has taken
        super().__init__(bus, clock)

    def put(self, items: list[Item]) -> None:
        self._items.extend(items)
        self._low.clear()
        self._filled.set()

    async def low(self) -> None:
        """Until so few items are left that more are needed to keep the channel busy."""
        if len(self._items) > 2:
            await self._low.wait()

    async def _run(self) -> None:
        edge = RisingEdge(self.clock)
        signals = [getattr(self.bus, name) for name in self.fields]
        driven: list[int | None] = [None] * len(signals)
        items, ready = self._items, self.ready
        offered = False
        item: Item = ()
        while True:
            if not offered and not items:
                self._filled.clear()
                await self._filled.wait()
            await edge
            if offered:
                if not ready.value:
                    continue
                if self.taken is not None:
                    self.taken(item)
            if items and not self._stalls():
                item = items.popleft()
                for index, value in enumerate(item):
                    if driven[index] != value:
                        driven[index] = signals[index].value = value
                if len(items) == 2:
                    self._low.set()
                if not offered:
                    self.valid.value = 1
                    offered = True
            elif offered:
                self.valid.value = 0
                offered = False


class AddressReadSink(_Sink, AxiARSink):  # type: ignore[misc]
    fields = ("arid", "araddr", "arlen", "arsize", "arburst")


class AddressWriteSink(_Sink, AxiAWSink):  # type: ignore[misc]
    fields = ("awid", "awaddr", "awlen", "awsize", "awburst")


class WriteDataSink(_Sink, AxiWSink):  # type: ignore[misc]
    fields = ("wdata", "wstrb", "wlast")


class ReadDataSource(_Source, AxiRSource):  # type: ignore[misc]
    fields = ("rid", "rdata", "rresp", "rlast")


class ResponseSource(_Source, AxiBSource):  # type: ignore[misc]
    fields = ("bid", "bresp")
