# SPDX-License-Identifier: MIT
"""A card without a driver whose interrupts are written down: when the line rose, and what ICR said then."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import cocotb
from cocotb.triggers import RisingEdge, Timer

from driver.e1000e.regs import (
    ALL_ONES,
    ICR,
    IMC,
    IMS,
    RDBAH,
    RDBAL,
    RDH,
    RDLEN,
    RDT,
    STATUS,
    TDBAH,
    TDBAL,
    TDH,
    TDLEN,
    TDT,
)  # fmt: skip
from driver.linux.interrupt import IRQ_HANDLED, free_irq, request_irq
from sim.bench import Bench
from sim.host.machine import IRQ
from sim.host.simtime import now_ps, until_ps
from sim.launch import configured
from sim.wire import Frame
from tests.system.bare_driver import BareDriver, RawRing

__all__ = ["ENTRIES", "EOP", "IDE", "IFCS", "RS", "Interrupt", "ModeratedCard", "gaps_ns"]

EOP, IFCS, RS, IDE = 1 << 0, 1 << 1, 1 << 3, 1 << 7
ENTRIES = 64
_RECEIVE = RawRing(RDBAL, RDBAH, RDLEN, RDH, RDT, at=0)
_TRANSMIT = RawRing(TDBAL, TDBAH, TDLEN, TDH, TDT, at=ENTRIES * 16)
_BUFFER, _BUFFER_BYTES = 2 * ENTRIES * 16, 2048


@dataclass(frozen=True, slots=True)
class Interrupt:
    """rose_ps: the line; causes: ICR as the handler read it."""

    rose_ps: int
    causes: int


def gaps_ns(interrupts: list[Interrupt]) -> list[float]:
    return [(after.rose_ps - before.rose_ps) / 1000 for before, after in pairwise(interrupts)]


class ModeratedCard(BareDriver):
    """`up` it; frames go in by `receive`, out by `send`; `quiet` tells the interrupts. All frames share one buffer."""

    def __init__(self, bench: Bench) -> None:
        super().__init__(bench)
        # The line and its handler are told in either order: they are paired in `quiet`.
        self._rose: list[int] = []
        self._causes: list[int] = []
        self._receive_tail = self._transmit_tail = 0

    @classmethod
    async def up(cls, dut: Any, causes: int) -> ModeratedCard:
        """On the bench that was configured, with these causes enabled, the link up, all receive descriptors posted."""
        config, folder = configured()
        bench = Bench(dut, config, folder)
        await bench.start()
        card = cls(bench)
        await card.load()
        cocotb.start_soon(card._watch(dut.intx_o))
        await bench.run(card._open(causes))
        return card

    async def _watch(self, line: Any) -> None:
        rises = RisingEdge(line)
        while True:
            await rises
            self._rose.append(now_ps())

    async def _open(self, causes: int) -> None:
        await self.reset()
        for ring in (_RECEIVE, _TRANSMIT):
            await self.ring(ring, ENTRIES * 16)
        for index in range(ENTRIES):
            self.descriptor(_RECEIVE, index, self.iova + _BUFFER)
        await self.enable(receive=True, transmit=True)
        while not await self.read(STATUS) & STATUS.LU:
            pass
        assert request_irq(IRQ, self._interrupt, 0, "moderation", self) == 0
        await self.read(ICR)
        self.post(ENTRIES - 1)
        self.write(IMS, causes)

    async def _interrupt(self, irq: int, dev: Any) -> int:
        self._causes.append(await self.read(ICR))
        return IRQ_HANDLED

    async def down(self) -> None:
        async def close() -> None:
            await self.reset()
            free_irq(IRQ, self)

        await self.bench.run(close())
        await self.unload()
        self.bench.host.stop()
        self.bench.close_captures()
        assert not self.bench.kernel.violations

    # ------------------------------------------------------------------ outside the kernel
    async def set(self, *values: tuple[Any, int]) -> None:
        """Write registers, and wait until the card has heard of it."""

        async def write() -> None:
            for register, value in values:
                self.write(register, value)
            await self.read(STATUS)

        await self.bench.run(write())

    def post(self, count: int) -> None:
        """Give the card `count` more receive descriptors; in the kernel."""
        self._receive_tail = (self._receive_tail + count) % ENTRIES
        self.write(RDT, self._receive_tail)

    def receive(self, nbytes: int = 60) -> None:
        """A broadcast frame is put on the wire; nbytes: without FCS."""
        self.bench.wire.send(Frame((b"\xff" * 6).ljust(nbytes, b"\x88")))

    async def receive_every(self, period_ns: int, count: int, nbytes: int = 60, *, posting: bool = True) -> float:
        """Frames that end a period apart, descriptors given back behind them; when the last one ended, ns."""
        ends: list[int] = []
        self.bench.wire.on_sent(lambda frame, time_ns: ends.append(time_ns))
        begin_ps = now_ps()
        for number in range(count):
            await until_ps(begin_ps + number * period_ns * 1000)
            self.receive(nbytes)
            if posting:
                await self.bench.run(self._do(lambda: self.post(1)))
        await self.bench.wire.drained()
        return ends[-1]

    async def send(self, count: int, command: int = EOP | IFCS | RS) -> None:
        """Give the card `count` frames at once."""

        def give() -> None:
            for _ in range(count):
                self.descriptor(_TRANSMIT, self._transmit_tail, self.iova + _BUFFER, 60, command)
                self._transmit_tail = (self._transmit_tail + 1) % ENTRIES
            self.write(TDT, self._transmit_tail)

        await self.bench.run(self._do(give))

    @staticmethod
    async def _do(what: Callable[[], None]) -> None:
        what()

    async def quiet(self, for_ns: int) -> list[Interrupt]:
        """Wait, and for the handler of the last one; every interrupt since the last call."""
        await Timer(for_ns, "ns")
        await self.bench.until(lambda: len(self._causes) == len(self._rose), "a handler", poll_ns=500)
        seen = [Interrupt(*both) for both in zip(self._rose, self._causes, strict=True)]
        self._rose.clear()
        self._causes.clear()
        return seen

    async def only(self, causes: int) -> None:
        """Enable these causes and no others, none of them pending."""

        async def enable() -> None:
            self.write(IMC, ALL_ONES)
            await self.read(ICR)
            self.write(IMS, causes)
            await self.read(STATUS)

        await self.bench.run(enable())
        await self.quiet(1)
