# SPDX-License-Identifier: MIT
"""Descriptor rings as a bus analyser sees them: register writes tell where they are, bursts how far the card is."""

from __future__ import annotations

from dataclasses import dataclass

from driver.e1000e import regs
from driver.e1000e.desc import DESC_BYTES
from sim.observe.trace_file import TraceFile, Track

__all__ = ["RX_RING", "TX_RING", "Ring", "RingRegisters", "register_names"]


@dataclass(frozen=True, slots=True)
class RingRegisters:
    """What tells where a ring is."""

    low: regs.Register
    high: regs.Register
    length: regs.Register
    head: regs.Register
    tail: regs.Register


TX_RING = RingRegisters(regs.TDBAL, regs.TDBAH, regs.TDLEN, regs.TDH, regs.TDT)
RX_RING = RingRegisters(regs.RDBAL, regs.RDBAH, regs.RDLEN, regs.RDH, regs.RDT)


def register_names() -> dict[int, str]:
    """Every offset at which a register answers, older addresses included, and its name."""
    names: dict[int, str] = {}
    for name, thing in vars(regs).items():
        if isinstance(thing, regs.Register):
            registers = [thing]
        elif isinstance(thing, regs.RegisterArray):
            registers = list(thing)
        else:
            continue
        moved = regs.LEGACY.get(name, registers[0].offset) - registers[0].offset
        for register in registers:
            names[register.offset] = register.name
            names.setdefault(register.offset + moved, register.name)
    return names


class Ring:
    """One ring: instants "posted", "fetched" and "written back" with descriptor numbers, and a counter of those that
    wait to be fetched and those that are in the card."""

    def __init__(self, file: TraceFile, track: Track, pid: int, name: str, registers: RingRegisters) -> None:
        self.name = name
        self.tail = registers.tail.name
        self._file, self._track, self._pid = file, track, pid
        self._head = registers.head.name
        self._place = {register.name: 0 for register in (registers.low, registers.high, registers.length)}
        self._registers = registers
        self._base = self._bytes = self._count = 0
        self._posted = self._fetched = self._written = 0

    def covers(self, iova: int) -> bool:
        return 0 <= iova - self._base < self._bytes

    def write(self, ns: int, name: str, value: int) -> None:
        """A register was written; any of the card's."""
        if name == self.tail:
            self._post(ns, value)
        elif name == self._head:
            self._posted = self._fetched = self._written = value
        elif name in self._place:
            self._place[name] = value
            self._move()
        elif name == regs.CTRL.name and value & regs.CTRL.RST:
            self._place = dict.fromkeys(self._place, 0)
            self._move()

    def _move(self) -> None:
        place, registers = self._place, self._registers
        self._base = place[registers.high.name] << 32 | place[registers.low.name]
        self._bytes = place[registers.length.name]
        self._count = self._bytes // DESC_BYTES
        self._posted = self._fetched = self._written = 0

    def _post(self, ns: int, tail: int) -> None:
        if not self._count:
            return
        first, self._posted = self._posted, tail % self._count
        self._tell(ns, "posted", first, self._posted)

    def fetched(self, ns: int, iova: int, nbytes: int) -> dict[str, int]:
        """The card has read descriptors; which."""
        first, end = self._numbers(iova, nbytes)
        if (end - self._fetched) % self._count <= (self._posted - self._fetched) % self._count:
            self._fetched = end
        return self._tell(ns, "fetched", first, end)

    def written_back(self, ns: int, iova: int, nbytes: int) -> dict[str, int]:
        """The card has reported descriptors; which."""
        first, end = self._numbers(iova, nbytes)
        # An answer that overtook the one before it has moved this on already.
        if (end - self._written) % self._count <= (self._fetched - self._written) % self._count:
            self._written = end
        return self._tell(ns, "written back", first, end)

    def _numbers(self, iova: int, nbytes: int) -> tuple[int, int]:
        """First, and the one behind the last."""
        first = (iova - self._base) // DESC_BYTES
        last = (iova + max(nbytes, 1) - 1 - self._base) // DESC_BYTES
        return first, (last + 1) % self._count

    def _tell(self, ns: int, what: str, first: int, end: int) -> dict[str, int]:
        count = self._count
        numbers = {"first": first, "count": (end - first) % count, "next": end}
        self._track.instant(ns, what, numbers)
        values = {
            "posted, not fetched": (self._posted - self._fetched) % count,
            "fetched, not written back": (self._fetched - self._written) % count,
        }
        self._file.counter(self._pid, ns, self.name, values)
        return numbers
