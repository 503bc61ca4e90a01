# SPDX-License-Identifier: MIT
"""Software's side of the two rings, and what the card may do to them.

Descriptors are counted by sequence number since the ring was set up; index = sequence number mod ring size. A write
reaches memory when the bus answers it, as a host with late responses would have it: what the card calls done before is
found to be not there.
"""

from __future__ import annotations

import itertools
from collections import Counter
from dataclasses import dataclass
from random import Random

from tests.hdl.dma.layout import DD, EOP, IXSM, PIF, TX_DEXT, TX_EOP, TX_IDE, TX_IFCS, TX_RS, Frame

__all__ = ["Memory", "Ring", "RxRing", "Segment", "TxFrame", "TxRing"]


class Memory:
    """Host memory, well above 4 GiB."""

    BASE = 0x12_3456_0000

    def __init__(self, size: int) -> None:
        self._bytes = bytearray(size)
        self._free = 0

    def alloc(self, size: int, align: int = 1, offset: int = 0) -> int:
        start = (self._free + align - 1) // align * align + offset
        self._free = start + size
        assert self._free <= len(self._bytes), "the test wants more memory than there is"
        return self.BASE + start

    def read(self, addr: int, size: int) -> bytes:
        start = addr - self.BASE
        assert start >= 0 and start + size <= len(self._bytes), f"read of {addr:#x}, outside of memory"
        return bytes(self._bytes[start : start + size])

    def write(self, addr: int, data: bytes) -> None:
        start = addr - self.BASE
        assert start >= 0 and start + len(data) <= len(self._bytes), f"write to {addr:#x}, outside of memory"
        self._bytes[start : start + len(data)] = data


class Ring:
    """What both directions share. head: first not retired; tail: first not given to the card (sequence numbers)."""

    def __init__(self, memory: Memory, count: int) -> None:
        self.memory, self.count = memory, count
        self.base = memory.alloc(16 * count, 128)
        self.head = self.tail = 0
        self.start = 0  # index of sequence number 0
        self.written = 0  # write-backs: first whose AW has not come
        self.visible = 0  # first whose write-back has not been answered
        # By name of the event: visible descriptors with that cause, and how many at the last event; write-back
        # bursts that made some visible; events.
        self.causes: Counter[str] = Counter()
        self.reported: Counter[str] = Counter()
        self.answers: Counter[str] = Counter()
        self.events: Counter[str] = Counter()
        self.fetched = 0  # highest sequence number that was asked for
        self.failed: int | None = None  # an access for this one failed: it and what follows never get DD
        self.dead = False  # a write-back failed

    def index(self, sequence: int) -> int:
        return (self.start + sequence) % self.count

    def address(self, sequence: int) -> int:
        return self.base + 16 * self.index(sequence)

    @property
    def free(self) -> int:
        return self.count - 1 - (self.tail - self.head)

    def see_head(self, index: int) -> int:
        """The card shows this head; returns how many descriptors it retired."""
        moved = (index - self.index(self.head)) % self.count
        assert moved <= self.tail - self.head, f"head {index} passed the tail, {self.head}..{self.tail}"
        self.head += moved
        assert self.head <= self.visible, f"head at {self.head}, write-backs answered up to {self.visible}"
        return moved

    def fail(self, sequence: int) -> None:
        self.failed = sequence if self.failed is None else min(sequence, self.failed)

    def may_report(self, sequence: int) -> bool:
        return self.failed is None or sequence < self.failed

    def see_event(self, names: list[str]) -> None:
        """At most one of each name per write-back; one that was cut in two bursts has one for both."""
        for name in names:
            self.events[name] += 1
            assert self.events[name] <= self.answers[name], f"{name} without a write-back that was answered"
            self.reported[name] = self.causes[name]

    def see_causes(self, names: list[str]) -> None:
        """A write-back burst was answered: a name for each cause in it."""
        self.causes.update(names)
        self.answers.update(set(names))

    def see_fetch(self, addr: int, size: int, beside: bool) -> int:
        """The card reads descriptors: only such as are given to it. Returns the first one's sequence number.

        `beside`: the bus is wider than a descriptor and may bring one more.
        """
        first = (addr - self.base) // 16
        assert addr % 16 == 0 and size % 16 == 0 and first >= 0 and first + size // 16 <= self.count, "not in the ring"
        sequence = self.head + (first - self.index(self.head)) % self.count
        end = sequence + size // 16
        assert end <= self.tail + beside, f"reads {sequence}+{size // 16}, tail at {self.tail}"
        self.fetched = max(self.fetched, min(end, self.tail))
        return sequence


@dataclass(slots=True)
class Segment:
    """Part of a received frame that goes to one descriptor."""

    data: bytes
    eop: bool
    errors: int
    pif: bool
    small: bool


class RxRing(Ring):
    def __init__(self, memory: Memory, count: int, buf_bytes: int, rng: Random, small_bytes: int = 0) -> None:
        super().__init__(memory, count)
        self.buf_bytes, self.small_bytes, self.rng = buf_bytes, small_bytes, rng
        self.buffers = [memory.alloc(buf_bytes, 1, rng.randrange(80)) for _ in range(count)]
        self.segments: list[Segment] = []  # by sequence number
        self.payload = 0  # sequence number that payload is written for
        self.offset = 0  # bytes of it that have come
        self.frames_visible = 0

    def post(self, count: int) -> None:
        for _ in range(count):
            junk = self.rng.randbytes(8)
            self.memory.write(self.address(self.tail), self.buffer(self.tail).to_bytes(8, "little") + junk)
            self.tail += 1

    def buffer(self, sequence: int) -> int:
        return self.buffers[self.index(sequence)]

    def expect(self, frame: Frame) -> None:
        """The card has stored this frame."""
        data, small = frame.stored, len(frame.data) <= self.small_bytes  # its length on the wire counts
        for start in range(0, len(data), self.buf_bytes):
            eop = start + self.buf_bytes >= len(data)
            part = data[start : start + self.buf_bytes]
            self.segments.append(Segment(part, eop, frame.errors if eop else 0, frame.pif and eop, small and eop))

    def see_payload(self, addr: int, data: bytes) -> int:
        """A payload burst: the next bytes of the frame, where the descriptor says. Returns the sequence number."""
        assert self.payload < min(len(self.segments), self.tail), "payload of no frame, or for no descriptor"
        segment, sequence = self.segments[self.payload], self.payload
        assert addr == self.buffer(sequence) + self.offset, f"payload of {sequence} goes to {addr:#x}"
        want = segment.data[self.offset : self.offset + len(data)]
        assert data == want, f"payload of {sequence} at {self.offset}: {data.hex()} for {want.hex()}"
        self.offset += len(data)
        if self.offset == len(segment.data):
            self.payload, self.offset = self.payload + 1, 0
        return sequence

    def see_write_back_issued(self, addr: int, count: int) -> None:
        """AW of a write-back: everything it vouches for is in memory already."""
        for sequence in range(self.written, self.written + count):
            assert addr == self.address(sequence), f"write-back of {sequence} goes to {addr:#x}"
            assert self.may_report(sequence), f"write-back of {sequence}, behind an error"
            assert sequence < self.payload, f"write-back of {sequence} without its payload"
            segment = self.segments[sequence]
            got = self.memory.read(self.buffer(sequence), len(segment.data))
            assert got == segment.data, f"write-back of {sequence} issued before the B of its payload"
            addr += 16
        self.written += count

    def see_write_back(self, addr: int, data: bytes) -> None:
        """Its B: the descriptors are now in memory."""
        causes: list[str] = []
        for start in range(0, len(data), 16):
            segment = self.segments[self.visible]
            assert addr + start == self.address(self.visible)
            status = DD | IXSM | EOP * segment.eop | PIF * segment.pif
            want = self.buffer(self.visible).to_bytes(8, "little") + len(segment.data).to_bytes(2, "little")
            want += bytes([0, 0, status, segment.errors, 0, 0])
            got = data[start : start + 16]
            assert got == want, f"descriptor {self.visible}: {got.hex()} for {want.hex()}"
            self.visible += 1
            causes += ["rxt0"] * segment.eop + ["srpd"] * segment.small
            self.frames_visible += segment.eop
        self.see_causes(causes)


@dataclass(slots=True)
class TxFrame:
    data: bytes
    fcs: bool


@dataclass(slots=True)
class TxDesc:
    addr: int
    length: int
    cmd: int
    raw: bytes
    reads: bool

    @property
    def end(self) -> int:
        return self.addr + self.length


class TxRing(Ring):
    def __init__(self, memory: Memory, count: int, rng: Random, pool_bytes: int, limit: int) -> None:
        super().__init__(memory, count)
        self.rng = rng
        self.pool = memory.alloc(pool_bytes)
        self.pool_bytes, self.pool_used = pool_bytes, 0
        self.descs: list[TxDesc] = []  # by sequence number
        self.frames: list[TxFrame] = []  # to be sent
        self.limit = limit  # bytes of the longest frame that is sent
        self.chain = b""  # of the frame whose last descriptor has not been posted
        self.read = self.offset = 0  # whose bytes are asked for next, and from where

    def post(self, data: bytes, cmd: int) -> None:
        """One descriptor, its bytes in memory of their own (the pool is used round and round)."""
        offset = self.pool_used + self.rng.randrange(20)
        if offset + len(data) > self.pool_bytes:
            offset = 0
        self.pool_used = offset + len(data)
        addr = self.pool + offset
        self.memory.write(addr, data)
        # Status starts as 0; everything else may be anything and comes back as it was.
        raw = addr.to_bytes(8, "little") + len(data).to_bytes(2, "little") + self.rng.randbytes(1) + bytes([cmd])
        raw += bytes([0, *self.rng.randbytes(3)])
        self.memory.write(self.address(self.tail), raw)
        reads = len(data) > 0 and not cmd & TX_DEXT and len(self.chain) + len(data) <= self.limit
        self.descs.append(TxDesc(addr, len(data), cmd, raw, reads))
        self.tail += 1
        if cmd & TX_DEXT:
            return
        self.chain += data  # once beyond the limit it stays there: nothing more is read
        if cmd & TX_EOP:
            if 0 < len(self.chain) <= self.limit:
                self.frames.append(TxFrame(self.chain, bool(cmd & TX_IFCS)))
            self.chain = b""

    def post_frame(self, data: bytes, cuts: list[int], *, rs: bool = True, fcs: bool = True) -> None:
        """A frame over len(cuts) + 1 descriptors; random other bits that do not matter."""
        edges = [0, *sorted(cuts), len(data)]
        for number, (start, end) in enumerate(itertools.pairwise(edges)):
            last = number == len(edges) - 2
            cmd = TX_RS * (rs if last else self.rng.random() < 0.2) | TX_IFCS * (fcs if last else self.rng.randrange(2))
            self.post(data[start:end], cmd | TX_EOP * last | self.rng.choice((0, TX_IDE, 0x40, 4)))

    def see_read(self, addr: int, end: int) -> int:
        """A payload burst, which brings what lies before `end`: the next bytes in ring order. Returns whose."""
        while self.read < self.tail and not self.descs[self.read].reads:
            self.read += 1
        assert self.read < self.fetched, f"reads {addr:#x} for a descriptor that it does not know"
        desc = self.descs[self.read]
        assert addr == desc.addr + self.offset, f"reads {addr:#x} for descriptor {self.read}"
        sequence = self.read
        self.offset = min(desc.length, end - desc.addr)
        if self.offset == desc.length:
            self.read, self.offset = self.read + 1, 0
        return sequence

    def _next_written(self, sequence: int) -> int:
        while sequence < len(self.descs) and not self.descs[sequence].cmd & TX_RS:
            sequence += 1
        return sequence

    def see_write_back_issued(self, addr: int, count: int) -> None:
        for _ in range(count):
            self.written = self._next_written(self.written)
            assert self.written < self.fetched, "write-back of a descriptor that was not read"
            assert addr == self.address(self.written), f"write-back of {self.written} goes to {addr:#x}"
            assert self.may_report(self.written), f"write-back of {self.written}, behind an error"
            self.written += 1
            addr += 16

    def see_write_back(self, addr: int, data: bytes) -> None:
        causes = []
        for start in range(0, len(data), 16):
            sequence = self._next_written(self.visible)
            want = bytearray(self.descs[sequence].raw)
            want[12] |= DD
            got = data[start : start + 16]
            assert addr + start == self.address(sequence) and got == want, f"descriptor {sequence}: {got.hex()}"
            self._forget(sequence)
            self.visible = sequence + 1
            causes.append("txdw_ide" if self.descs[sequence].cmd & TX_IDE else "txdw")
        self.see_causes(causes)

    def see_head(self, index: int) -> int:
        # Descriptors without RS retire unseen, all bytes read.
        sequence = self.head + (index - self.index(self.head)) % self.count
        if sequence > self.visible:
            assert self._next_written(self.visible) >= sequence, f"head {index} passed a descriptor with RS"
            self._forget(sequence - 1)
            self.visible = sequence
        return super().see_head(index)

    def _forget(self, upto: int) -> None:
        """Software may reuse what retired: a card that reads it afterwards sends garbage."""
        for desc in self.descs[self.visible : upto + 1]:
            self.memory.write(desc.addr, bytes(desc.length))
