# SPDX-License-Identifier: MIT
"""AxiMemory: host memory as an AXI4 slave, as hostile as a real system may be.

Bursts are pipelined: each is answered latency_ns (plus a random spread) after it came, whatever is in front of it.
Bursts of one ID are answered in order; with `reorder`, those of different IDs in random order and their read data
interleaved. Memory is read, or written, only at the moment of the answer: a card that takes an unanswered write for
done is found out. Every burst goes through `translate` (the IOMMU); what that refuses is answered DECERR.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any

import cocotb
from cocotb.triggers import Event, First
from cocotbext.axi import AxiBus

from sim.config import HostConfig
from sim.host.channels import (
    AddressReadSink,
    AddressWriteSink,
    Item,
    ReadDataSource,
    ResponseSource,
    Stalls,
    WriteDataSink,
)
from sim.host.memory import HostMemory, OutsideMemory
from sim.host.simtime import now_ns, now_ps, until_ps
from sim.observe.observers import BusObserver

__all__ = [
    "DECERR", "OKAY", "SLVERR", "AxiMemory", "AxiViolation", "Burst", "BurstScheduler", "PlannedErrors", "Translate",
]  # fmt: skip

OKAY, SLVERR, DECERR = 0, 2, 3
_INCR = 1
_PAGE = 4096

# (iova, bytes, is_write) -> physical address, or None: fault, recorded by whoever owns the table.
Translate = Callable[[int, int, bool], int | None]


class AxiViolation(AssertionError):
    """The card broke a rule of AXI4."""


@dataclass(slots=True)
class Burst:
    """One burst. first..last: bytes it touches, as bus addresses, `last` exclusive; begin_ns: when its address came."""

    id: int
    first: int
    last: int
    beats: int
    ready_ps: int
    response: int = OKAY
    data: list[tuple[int, int]] = field(default_factory=list)  # write: (data, strobes) per beat
    begin_ns: int = 0


def _parse(item: Item, beat_bytes: int, ready_ps: int) -> Burst:
    ident, address, length, size, kind = item
    if kind != _INCR:
        raise AxiViolation(f"burst type {kind} at {address:#x}: only INCR is expected")
    if 1 << size != beat_bytes:
        raise AxiViolation(f"burst of {1 << size}-byte beats at {address:#x} on a {beat_bytes}-byte bus")
    last = (address & -beat_bytes) + (length + 1) * beat_bytes
    if address // _PAGE != (last - 1) // _PAGE:
        raise AxiViolation(f"burst of {length + 1} beats at {address:#x} crosses a 4 KiB boundary")
    return Burst(ident, address, last, length + 1, ready_ps, begin_ns=now_ns())


class BurstScheduler:
    """Bursts that wait for their answer, and which of them is answered next."""

    def __init__(self, config: HostConfig, random: Random) -> None:
        self._config = config
        self._random = random
        self._waiting: deque[Burst] = deque()
        self._arrived = Event()
        self._released = Event()
        self.hold(False)

    def hold(self, held: bool) -> None:
        """Whether nothing is answered."""
        if held:
            self._released.clear()
        else:
            self._released.set()

    def __len__(self) -> int:
        return len(self._waiting)

    def delay_ps(self) -> int:
        spread = self._config.latency_spread_ns
        return 1000 * (self._config.latency_ns + (self._random.randint(0, spread) if spread else 0))

    def add(self, burst: Burst) -> None:
        self._waiting.append(burst)
        self._arrived.set()

    def _candidates(self) -> list[Burst]:
        if not self._config.reorder:
            return [self._waiting[0]]
        heads: dict[int, Burst] = {}
        for burst in self._waiting:
            heads.setdefault(burst.id, burst)
        return list(heads.values())

    def take_ready(self) -> list[Burst]:
        """Bursts of different IDs that may be answered now, in random order. They stay until `remove`d."""
        now = now_ps()
        ready = [burst for burst in self._candidates() if burst.ready_ps <= now]
        self._random.shuffle(ready)
        return ready

    def remove(self, burst: Burst) -> None:
        self._waiting.remove(burst)

    async def wait(self) -> None:
        """Until some burst may be answered."""
        while True:
            await self._released.wait()
            self._arrived.clear()
            if not self._waiting:
                await self._arrived.wait()
                continue
            soonest = min(burst.ready_ps for burst in self._candidates())
            if soonest <= now_ps():
                return
            if self._config.reorder:
                await First(until_ps(soonest), self._arrived.wait())
            else:
                await until_ps(soonest)


class PlannedErrors:
    """Planned error responses: each matching burst uses one up."""

    def __init__(self) -> None:
        self._planned: list[tuple[Callable[[Burst], bool], int]] = []

    def __bool__(self) -> bool:
        return bool(self._planned)

    def plan(self, response: int, match: Callable[[Burst], bool]) -> None:
        self._planned.append((match, response))

    def response_for(self, burst: Burst) -> int:
        for index, (match, response) in enumerate(self._planned):
            if match(burst):
                del self._planned[index]
                return response
        return OKAY


class _Observed:
    """Tells an observer of each burst when the card has taken its last response."""

    def __init__(self, observer: BusObserver, reads: ReadDataSource, writes: ResponseSource) -> None:
        self._observer = observer
        self._answered: dict[tuple[bool, int], deque[tuple[int, int, int]]] = {}
        reads.taken = self._read
        writes.taken = self._written

    def answered(self, burst: Burst, write: bool, address: int, nbytes: int) -> None:
        """The answer to `burst` is on its way."""
        self._answered.setdefault((write, burst.id), deque()).append((address, nbytes, burst.begin_ns))

    def _read(self, item: Item) -> None:
        ident, _, _, last = item
        if last:
            self._tell(False, ident)

    def _written(self, item: Item) -> None:
        self._tell(True, item[0])

    def _tell(self, write: bool, ident: int) -> None:
        address, nbytes, begin_ns = self._answered[write, ident].popleft()
        self._observer.dma(write, address, nbytes, begin_ns, now_ns())


class AxiMemory:
    """Build it after reset. Counts: reads, writes, read_bytes, write_bytes, faults."""

    def __init__(
        self,
        dut: Any,
        clock: Any,
        memory: HostMemory,
        translate: Translate,
        config: HostConfig,
        seed: int,
        observer: BusObserver | None = None,
    ) -> None:
        bus = AxiBus.from_prefix(dut, "m_axi")
        random = Random(f"{seed} axi memory")
        stalls = Stalls(config.backpressure, random)
        self._memory, self._translate, self._config, self._random = memory, translate, config, random
        self._beat_bytes = len(bus.read.r.rdata) // 8
        self._lane_mask = (1 << self._beat_bytes * 8) - 1
        self._reads = BurstScheduler(config, random)
        self._writes = BurstScheduler(config, random)
        self._addressed: deque[Burst] = deque()  # writes whose data has not all come
        self._collected: deque[list[tuple[int, int]]] = deque()  # complete write data whose address has not come
        self._collecting: list[tuple[int, int]] = []
        self._errors: dict[bool, PlannedErrors] = {False: PlannedErrors(), True: PlannedErrors()}
        self.reads = self.writes = self.read_bytes = self.write_bytes = self.faults = 0
        self.most_outstanding = {"read": 0, "write": 0}
        self._r = ReadDataSource(bus.read.r, clock, stalls)
        self._b = ResponseSource(bus.write.b, clock, stalls)
        self._observed = None if observer is None else _Observed(observer, self._r, self._b)
        self._sinks = (
            AddressReadSink(bus.read.ar, clock, self._accept_read, stalls),
            AddressWriteSink(bus.write.aw, clock, self._accept_write, stalls),
            WriteDataSink(bus.write.w, clock, self._accept_data, stalls),
        )
        cocotb.start_soon(self._serve_reads())
        cocotb.start_soon(self._serve_writes())

    @property
    def idle(self) -> bool:
        """Nothing accepted is unanswered."""
        return not (self._reads or self._writes or self._addressed or self._collecting or self._collected)

    def fail_next(
        self, *, write: bool, response: int = SLVERR, match: Callable[[Burst], bool] = lambda burst: True
    ) -> None:
        """Answer the next burst that `match` picks with `response`; its data does not move."""
        self._errors[write].plan(response, match)

    def hold(self, *, write: bool, held: bool) -> None:
        """Whether bursts of that direction have to wait for their answer for as long as this holds."""
        (self._writes if write else self._reads).hold(held)

    # ------------------------------------------------------------------ reads
    def _accept_read(self, item: Item) -> None:
        burst = _parse(item, self._beat_bytes, now_ps() + self._reads.delay_ps())
        self._reads.add(burst)
        self.most_outstanding["read"] = max(self.most_outstanding["read"], len(self._reads))

    def _read_beats(self, burst: Burst) -> list[Item]:
        width = self._beat_bytes
        start = burst.first & -width
        response = self._errors[False].response_for(burst)
        data = bytes(burst.last - start)
        if response == OKAY:
            # A bus without byte enables on reads always fetches whole beats: only the last beat's first byte is
            # surely wanted, so that is as far as the mapping must reach.
            wanted = max(burst.last - width + 1, burst.first + 1) - burst.first
            physical = self._translate(burst.first, wanted, False)
            try:
                if physical is None:
                    raise OutsideMemory
                lead = burst.first - start
                # At least a byte, or an address right behind memory would be answered.
                reach = max(lead + 1, min(len(data), self._memory.base + self._memory.size - (physical - lead)))
                data = bytes(self._memory.slice(physical - lead, reach)).ljust(len(data), b"\0")
            except OutsideMemory:
                self.faults += 1
                response = DECERR
        self.reads += 1
        self.read_bytes += burst.last - burst.first
        if self._observed is not None:
            self._observed.answered(burst, False, burst.first, burst.last - burst.first)
        return [
            (burst.id, int.from_bytes(data[at : at + width], "little"), response, int(at + width == len(data)))
            for at in range(0, len(data), width)
        ]

    async def _serve_reads(self) -> None:
        while True:
            await self._reads.wait()
            ready = self._reads.take_ready()
            if not self._config.reorder or self._random.random() < 0.5:
                del ready[1:]
            for burst in ready:
                self._reads.remove(burst)
            answers = [self._read_beats(burst) for burst in ready]
            beats = answers[0] if len(answers) == 1 else self._interleave(answers)
            self._r.put(beats)
            await self._pace(len(beats))
            await self._r.low()

    def _interleave(self, answers: list[list[Item]]) -> list[Item]:
        queues = [deque(beats) for beats in answers]
        mixed: list[Item] = []
        while queues:
            queue = self._random.choice(queues)
            mixed.append(queue.popleft())
            if not queue:
                queues.remove(queue)
        return mixed

    # ------------------------------------------------------------------ writes
    def _accept_write(self, item: Item) -> None:
        self._addressed.append(_parse(item, self._beat_bytes, 0))
        self._match()

    def _accept_data(self, item: Item) -> None:
        data, strobes, last = item
        self._collecting.append((data, strobes))
        if last:
            self._collected.append(self._collecting)
            self._collecting = []
            self._match()

    def _match(self) -> None:
        """Data comes in the order of addresses; either may be first."""
        while self._addressed and self._collected:
            burst = self._addressed.popleft()
            burst.data = self._collected.popleft()
            if len(burst.data) != burst.beats:
                said, came = burst.beats, len(burst.data)
                raise AxiViolation(f"write at {burst.first:#x}: AWLEN says {said} beats, WLAST came with beat {came}")
            burst.ready_ps = now_ps() + self._writes.delay_ps()
            self._writes.add(burst)
            self.most_outstanding["write"] = max(self.most_outstanding["write"], len(self._writes))

    def _written(self, burst: Burst) -> tuple[int, bytes]:
        """Address of the first byte whose strobe is set, and the bytes; they must be one run."""
        width = self._beat_bytes
        data = b"".join(value.to_bytes(width, "little") for value, _ in burst.data)
        strobes = sum(bits << index * width for index, (_, bits) in enumerate(burst.data))
        if not strobes:
            return burst.first, b""
        first = (strobes & -strobes).bit_length() - 1
        end = strobes.bit_length()
        if strobes >> first != (1 << end - first) - 1:
            raise AxiViolation(f"write at {burst.first:#x}: strobes {strobes:#x} have a hole")
        address = (burst.first & -width) + first
        if address < burst.first:
            raise AxiViolation(f"write at {burst.first:#x}: strobe set below the address")
        return address, data[first:end]

    def _perform(self, burst: Burst) -> int:
        response = self._errors[True].response_for(burst)
        address, data = self._written(burst)
        self.writes += 1
        self.write_bytes += len(data)
        if self._observed is not None:
            self._observed.answered(burst, True, address, len(data))
        if response != OKAY or not data:
            return response
        physical = self._translate(address, len(data), True)
        try:
            if physical is None:
                raise OutsideMemory
            self._memory.slice(physical, len(data))[:] = data
        except OutsideMemory:
            self.faults += 1
            return DECERR
        return OKAY

    async def _serve_writes(self) -> None:
        while True:
            await self._writes.wait()
            burst = self._writes.take_ready()[0]
            self._writes.remove(burst)
            self._b.put([(burst.id, self._perform(burst))])
            await self._pace(burst.beats)
            await self._b.low()

    async def _pace(self, beats: int) -> None:
        if self._config.bandwidth_gbps:
            await until_ps(now_ps() + int(beats * self._beat_bytes * 8000 / self._config.bandwidth_gbps))
