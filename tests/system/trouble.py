# SPDX-License-Identifier: MIT
"""What tests of faults share: random traffic both ways while one happens, and the proof that all is well afterwards."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import cocotb
from cocotb.task import Task
from cocotb.triggers import Timer

from driver.e1000e.netdev import e1000e_reinit_locked
from driver.linux.delay import udelay, usleep_range
from driver.linux.inet import ping
from driver.linux.io import readl, writel
from driver.linux.netdevice import RegState, rtnl
from driver.linux.softirq import local_bh_disable, local_bh_enable
from sim.bench import HOST_IP, Bench
from sim.traffic import frames_to, transmit, transmit_all
from sim.wire import Frame

PROOF_FRAMES = 12
SHORT, LONG = (60, 600), (600, 1514)  # bytes without FCS


async def busy_host(bench: Bench, us: int) -> None:
    """Nothing but hard interrupts runs for so long, on any CPU: no poll, so no buffer is posted."""

    async def busy() -> None:
        local_bh_disable()
        await udelay(us * bench.kernel.time_scale)
        local_bh_enable()

    for process in [cocotb.start_soon(bench.run(busy(), cpu=cpu.index)) for cpu in bench.kernel.cpus]:
        await process


class Traffic:
    """Bursts of random frames both ways with random silences between them, from `start` to `stop`.

    longest_pause_ns: of each silence; lengths: bytes without FCS, None for bursts of SHORT and, one in four, of LONG
    ones: a fault meets more of the short ones in a microsecond. Counts: to_card (frames queued on the wire).
    """

    def __init__(
        self, bench: Bench, lengths: tuple[int, int] | None = None, longest_pause_ns: int = 4000
    ) -> None:
        self.bench, self.lengths, self.longest_pause_ns = bench, lengths, longest_pause_ns
        self.to_card = 0
        self._going = False
        self._tasks: list[Task[Any]] = []

    def start(self) -> None:
        self._going = True
        self._tasks = [cocotb.start_soon(self._towards_card()), cocotb.start_soon(self.bench.run(self._from_card()))]

    async def stop(self) -> None:
        """When both sides have stopped; what they have sent may still be on its way."""
        self._going = False
        for task in self._tasks:
            await task

    def _burst(self, destination: bytes, source: bytes) -> list[bytes]:
        random = self.bench.random
        lengths = self.lengths or random.choices((SHORT, LONG), (3, 1))[0]
        return frames_to(destination, source, random, random.randint(1, 6), lengths)

    async def _towards_card(self) -> None:
        bench, device = self.bench, self.bench.device
        while self._going:
            for data in self._burst(device.dev_addr, bench.partner.config.mac):
                bench.wire.send(Frame(data))
                self.to_card += 1
            await bench.wire.drained()
            await Timer(bench.random.randint(1, self.longest_pause_ns), "ns")

    async def _from_card(self) -> None:
        """A kernel process. What a device without a link drops, it drops."""
        bench, device = self.bench, self.bench.device
        while self._going and device.reg_state is RegState.REGISTERED:
            for data in self._burst(bench.partner.config.mac, device.dev_addr):
                transmit(device, data)
            pause_us = bench.random.randint(1, self.longest_pause_ns) * bench.kernel.time_scale // 1000
            await usleep_range(pause_us, pause_us)


@asynccontextmanager
async def losses(bench: Bench, unreported: int = 0) -> AsyncIterator[None]:
    """Around what resets the card: frames may be lost, but only those sent in here; all is sent when it ends.

    unreported: see Books.card_was_reset.
    """
    books = bench.books
    with books.receiver_may_be_off():
        lost = books.transmit.lost
        yield
        await bench.settle()
        books.in_card_at_reset += books.transmit.lost - lost  # later ones came
        books.card_was_reset(unreported)
    await proved(bench)


@asynccontextmanager
async def trouble(bench: Bench, unreported: int = 0) -> AsyncIterator[Traffic]:
    """`losses`, with traffic both ways from some time before: then nothing may be lost but what is on its way."""
    traffic = Traffic(bench)
    traffic.start()
    await Timer(bench.random.randint(1, 20_000), "ns")
    async with losses(bench, unreported):
        yield traffic
        await traffic.stop()


async def proved(bench: Bench, frames: int = PROOF_FRAMES) -> None:
    """Pings both ways, and `frames` each way, none of them lost."""
    partner, device, books = bench.partner, bench.device, bench.books
    await bench.answered(partner.ask_mac(HOST_IP))
    await bench.answered(partner.ping(HOST_IP, bench.random.randint(0, 1400)))
    assert await bench.run(ping(partner.config.ip, bench.random.randint(0, 1400))) is not None
    await bench.settle()
    before, lost = (books.host_frames, books.card_frames), (books.receive.lost, books.transmit.lost)
    for data in frames_to(device.dev_addr, partner.config.mac, bench.random, frames, (60, 1514)):
        bench.wire.send(Frame(data))
    outgoing = frames_to(partner.config.mac, device.dev_addr, bench.random, frames, (60, 1514))
    assert await bench.run(transmit_all(device, outgoing)) == 0
    await bench.settle()
    # More than those if the stack asks its neighbour just now whether it is still there.
    assert books.host_frames >= before[0] + frames and books.card_frames >= before[1] + frames
    assert (books.receive.lost, books.transmit.lost) == lost and books.nothing_outstanding
    assert bench.kernel.violations == []


# ------------------------------------------------------------------ behind the driver's back
async def read_register(bench: Bench, register: Any) -> int:
    """The register, read by a process beside the driver."""
    return int(await bench.run(readl(bench.adapter.hw.iomem, register.offset)))


def write_register(bench: Bench, register: Any, value: int) -> None:
    """Written by somebody beside the driver, now."""
    with bench.kernel.entered():
        writel(value, bench.adapter.hw.iomem, register.offset)
    bench.host.wake()


async def reset_by_driver(bench: Bench, linked: bool = True) -> None:
    """The driver's own reset, as `ethtool --reset` asks for it: a card that stands still works again.

    linked: wait for the link.
    """

    async def reset() -> None:
        async with rtnl():
            await e1000e_reinit_locked(bench.adapter)

    await bench.run(reset())
    if linked:
        await bench.linked()


def log_has(bench: Bench, text: str) -> bool:
    return any(text in line for line in bench.kernel_log())


async def counted(bench: Bench) -> dict[str, int]:
    """The card's statistics so far, summed by the driver."""
    return dict((await bench.take_totals()).hardware)
