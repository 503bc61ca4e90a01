# SPDX-License-Identifier: MIT
"""AXI4 slaves for tests of the AXI engines: one `step` per clock edge, everything that may vary drawn from one seed.

They check what a slave can see of a master: attributes, the 4 KiB rule, payload that changes while it waits, beat
counts. What the bytes should be is the business of the benches.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from random import Random

OKAY, SLVERR, DECERR = 0, 2, 3


@dataclass(frozen=True, slots=True)
class Settings:
    """How the slave behaves; `latency` in cycles from the accepted request to the first answer."""

    latency: tuple[int, int] = (1, 1)
    ready: float = 1.0  # chance per cycle that AR or AW is taken
    data_ready: float = 1.0  # chance per cycle that W is taken
    valid: float = 1.0  # chance per cycle that an answer that is due is given
    reorder: bool = False  # IDs answered in any order, else in the order of requests
    interleave: bool = False  # R beats of different IDs mixed
    errors: float = 0.0  # chance that a burst fails

    def wait(self, rng: Random) -> int:
        return rng.randint(*self.latency)


FAST = Settings(latency=(8, 8))
MILD = Settings((1, 20), ready=0.9, data_ready=0.9, valid=0.9, reorder=True, interleave=True)
HARSH = Settings((1, 60), ready=0.6, data_ready=0.6, valid=0.7, reorder=True, interleave=True)
FAILING = replace(HARSH, errors=0.2)


@dataclass(slots=True)
class Burst:
    """A request as it was accepted, and how far its answer is."""

    id: int
    addr: int
    beats: int
    due: int
    failed: bool
    sent: int = 0
    responses: list[int] = field(default_factory=list)


class Request:
    """The address channel of either direction: checks what is offered, decides when it is taken."""

    def __init__(self, settings: Settings, rng: Random, bus_bytes: int) -> None:
        self.settings, self.rng, self.bus_bytes = settings, rng, bus_bytes
        self.ready = 0
        self.waiting: tuple[int, int, int] | None = None
        self.outstanding = self.most_outstanding = 0

    def step(self, offer: tuple[int, int, int] | None) -> tuple[int, int, int] | None:
        """(id, addr, len) that was on the pins at this edge, or None; returns it if this edge took it."""
        assert self.waiting is None or offer == self.waiting, f"request changed: {self.waiting} then {offer}"
        taken = offer if offer is not None and self.ready else None
        self.waiting = None if taken else offer
        if taken:
            _, addr, length = taken
            first = addr - addr % self.bus_bytes
            final = first + (length + 1) * self.bus_bytes - 1
            assert first // 4096 == final // 4096, f"{length + 1} beats from {addr:#x} cross 4 KiB"
            self.outstanding += 1
            self.most_outstanding = max(self.most_outstanding, self.outstanding)
        self.ready = int(self.rng.random() < self.settings.ready)
        return taken


def mixed_lengths(rng: Random) -> list[int]:
    """From one byte to the longest command there is."""
    return [16383, *(rng.randint(1, 16383) for _ in range(3)), *(rng.randint(1, 600) for _ in range(30)), 16383]


class Answers:
    """Bursts that wait for their answer, in order within an ID."""

    def __init__(self, settings: Settings, rng: Random) -> None:
        self.settings, self.rng = settings, rng
        self.queues: dict[int, deque[Burst]] = {}
        self.order: deque[int] = deque()  # IDs, in the order of requests
        self.current: Burst | None = None  # has begun, and must not be interrupted

    def __len__(self) -> int:
        return len(self.order)

    def add(self, burst: Burst) -> None:
        self.queues.setdefault(burst.id, deque()).append(burst)
        self.order.append(burst.id)

    def pick(self, cycle: int) -> Burst | None:
        """The burst to answer a beat of in `cycle`."""
        if not self.order or self.rng.random() >= self.settings.valid:
            return None
        if self.current:
            return self.current
        ids = list(self.queues) if self.settings.reorder else [self.order[0]]
        heads = [self.queues[id][0] for id in ids if self.queues[id] and self.queues[id][0].due <= cycle]
        chosen = self.rng.choice(heads) if heads else None
        if not self.settings.interleave:
            self.current = chosen
        return chosen

    def finished(self, burst: Burst) -> None:
        assert self.queues[burst.id].popleft() is burst
        self.order.remove(burst.id)
        self.current = None


class ReadSlave:
    """Memory is a function of address, so that there is no size to keep to."""

    def __init__(
        self, settings: Settings, rng: Random, bus_bytes: int, memory: Callable[[int, int], bytes]
    ) -> None:
        self.settings, self.rng, self.bus_bytes, self.memory = settings, rng, bus_bytes, memory
        self.request = Request(settings, rng, bus_bytes)
        self.answers = Answers(settings, rng)
        self.r: tuple[int, int, int, int] | None = None  # (id, data, resp, last) on the pins

    def step(self, cycle: int, ar: tuple[int, int, int] | None, rready: int) -> tuple[Burst | None, bool]:
        """One clock edge: what was on the pins. Returns the burst it accepted, and whether an R beat was taken."""
        taken = bool(self.r and rready)
        if self.r and taken:
            self.request.outstanding -= self.r[3]
            self.r = None
        accepted = None
        if (request := self.request.step(ar)) is not None:
            accepted = self._burst(cycle, *request)
            self.answers.add(accepted)
        if self.r is None and (burst := self.answers.pick(cycle + 1)) is not None:
            self.r = self._beat(burst)
        return accepted, taken

    def _burst(self, cycle: int, id: int, addr: int, length: int) -> Burst:
        failed = self.rng.random() < self.settings.errors
        burst = Burst(id, addr, length + 1, cycle + self.settings.wait(self.rng), failed)
        burst.responses = [OKAY] * burst.beats
        if failed:
            for beat in {self.rng.randrange(burst.beats) for _ in range(self.rng.randint(1, 3))}:
                burst.responses[beat] = self.rng.choice((SLVERR, DECERR))
        return burst

    def _beat(self, burst: Burst) -> tuple[int, int, int, int]:
        addr = burst.addr - burst.addr % self.bus_bytes + burst.sent * self.bus_bytes
        data = int.from_bytes(self.memory(addr, self.bus_bytes), "little")
        response = burst.responses[burst.sent]
        burst.sent += 1
        last = burst.sent == burst.beats
        if last:
            self.answers.finished(burst)
        return burst.id, data, response, int(last)


class WriteSlave:
    """Takes AW and W independently of each other; hands each complete burst to `store` when it answers it."""

    def __init__(
        self, settings: Settings, rng: Random, bus_bytes: int, store: Callable[[Burst, list[tuple[int, int]]], None]
    ) -> None:
        self.settings, self.rng, self.bus_bytes, self.store = settings, rng, bus_bytes, store
        self.request = Request(settings, rng, bus_bytes)
        self.answers = Answers(settings, rng)
        self.wready = 0
        self.w_waiting: tuple[int, int, int] | None = None
        self.b: tuple[int, int] | None = None  # (id, resp) on the pins
        self.addresses: deque[Burst] = deque()  # whose data has not come
        self.beats: list[tuple[int, int]] = []  # (data, strb) of the burst that is coming
        self.data: deque[list[tuple[int, int]]] = deque()  # whose address has not come

    def step(
        self, cycle: int, aw: tuple[int, int, int] | None, w: tuple[int, int, int] | None, bready: int
    ) -> tuple[Burst | None, bool, tuple[int, int] | None]:
        """One clock edge. Returns the address it accepted, whether a W beat was taken, and the B that was."""
        answered = self.b if bready else None
        if answered:
            self.request.outstanding -= 1
            self.b = None
        accepted = None
        if (request := self.request.step(aw)) is not None:
            failed = self.rng.random() < self.settings.errors
            # Not answered before the data has come, however short the wait.
            due = cycle + self.settings.wait(self.rng)
            accepted = Burst(request[0], request[1], request[2] + 1, due, failed)
            self.addresses.append(accepted)
        taken = self._take(w)
        while self.addresses and self.data:
            burst, beats = self.addresses.popleft(), self.data.popleft()
            assert len(beats) == burst.beats, f"{len(beats)} W beats for AWLEN {burst.beats - 1}"
            self.store(burst, beats)
            self.answers.add(burst)
        if self.b is None and (answer := self.answers.pick(cycle + 1)) is not None:
            self.answers.finished(answer)
            self.b = answer.id, self.rng.choice((SLVERR, DECERR)) if answer.failed else OKAY
        return accepted, taken, answered

    def _take(self, w: tuple[int, int, int] | None) -> bool:
        assert self.w_waiting is None or w == self.w_waiting, f"W changed: {self.w_waiting} then {w}"
        taken = w is not None and bool(self.wready)
        self.w_waiting = None if taken else w
        if w is not None and taken:
            data, strb, last = w
            self.beats.append((data, strb))
            if last:
                self.data.append(self.beats)
                self.beats = []
        self.wready = int(self.rng.random() < self.settings.data_ready)
        return taken
