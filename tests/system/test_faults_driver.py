# SPDX-License-Identifier: MIT
"""What a bad driver may do to its rings, by registers alone: the card touches nothing that it was not given, the bus
never hangs, and after CTRL.RST a good driver finds a good card."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cocotb
from cocotb.triggers import Timer

from driver.e1000e import regs
from driver.e1000e.desc import DESC_BYTES, RXD, RXD_STAT_DD, TXD_CMD_EOP, TXD_CMD_IFCS, TXD_CMD_RS, TXD_STAT_DD
from driver.e1000e.regs import TDH, TDT
from driver.linux.io import writel
from sim.bench import Bench
from sim.config import BenchConfig, DriverConfig, HostConfig, SimConfig
from sim.launch import configured, launch
from sim.traffic import frames_to
from sim.wire import Frame
from tests.system.bare_driver import BareDriver, RawRing
from tests.system.helpers import on_any_cpus, on_both
from tests.system.trouble import proved

COUNT = 64
RING_BYTES = COUNT * DESC_BYTES
PAGE = 4096
TX = RawRing(regs.TDBAL, regs.TDBAH, regs.TDLEN, regs.TDH, regs.TDT, at=0)
RX = RawRing(regs.RDBAL, regs.RDBAH, regs.RDLEN, regs.RDH, regs.RDT, at=PAGE)
BUFFERS = 4 * PAGE  # in the arena
RX_BUFFERS, RX_STRIDE = 8 * PAGE, 1024
SEND = TXD_CMD_EOP | TXD_CMD_IFCS | TXD_CMD_RS
LINK_NS = 30_000
LONGEST_BYTES = 16288  # of a frame that the card sends, without FCS


class Bad:
    """A bench with a bare driver on it, and what it does to the transmit ring."""

    def __init__(self, bench: Bench) -> None:
        self.bench, self.bare = bench, BareDriver(bench)

    async def ready(self) -> None:
        """A card that was reset, with its link."""
        await self.bench.run(self.bare.reset())
        await Timer(LINK_NS, "ns")

    async def rings(self, nbytes: int = RING_BYTES) -> None:
        """Both, on."""

        async def setup() -> None:
            await self.bare.ring(TX, nbytes)
            await self.bare.ring(RX, nbytes)
            await self.bare.enable(receive=True, transmit=True)

        await self.bench.run(setup())

    def at(self, offset: int) -> int:
        """Bus address of a place in the arena."""
        return self.bare.iova + offset

    def frame(self, offset: int, length: int) -> bytes:
        """Random bytes of a frame to the partner, in the arena."""
        bench = self.bench
        data = frames_to(bench.partner.config.mac, bytes.fromhex("020000000042"), bench.random, 1, (length, length))[0]
        self.bare.arena[offset : offset + length] = data
        return data

    def expect(self, data: bytes) -> None:
        """On the wire, and nothing else."""
        self.bench.books.host_sent(data)

    def write(self, register: Any, value: int) -> None:
        with self.bench.kernel.entered():
            writel(value, self.bare.mem, register.offset)
        self.bench.host.wake()

    async def read(self, register: Any) -> int:
        return int(await self.bench.run(self.bare.read(register)))

    async def quiet(self) -> None:
        """Everything expected is on the wire, and nothing is under way."""
        await self.bench.settle()
        assert self.bench.books.transmit.outstanding == 0 and self.bench.host.dma.idle

    @property
    def moved(self) -> tuple[int, int]:
        return self.bench.host.dma.reads, self.bench.host.dma.writes


async def bad_driver(dut: Any) -> Bad:
    config, folder = configured()
    bench = Bench(dut, config, folder)
    await bench.start()
    bad = Bad(bench)
    await bad.bare.load()
    await bad.ready()
    return bad


async def good_again(bad: Bad) -> None:
    """Reset, another driver: all as if nothing had been."""
    bench = bad.bench
    await bench.run(bad.bare.reset())
    await bad.bare.unload()
    await bench.up()
    await proved(bench)
    await bench.down()


def noise(bench: Bench, frames: int = 20) -> list[bytes]:
    """Frames for whoever listens. Not booked: there is no device."""
    sent = frames_to(b"\xff" * 6, bench.partner.config.mac, bench.random, frames, (60, 300))
    for data in sent:
        bench.wire.send(Frame(data))
    return sent


# ------------------------------------------------------------------ rings
@cocotb.test()
async def rings_that_are_none(dut: Any) -> None:
    """Length 0, tails and heads outside of the ring, on and off: not one access. A tail inside then starts it."""
    bad = await bad_driver(dut)
    bench = bad.bench
    for nbytes, head, tail in (
        (0, 0, 5), (0, 0, 0xFFFF), (128, 0, 8), (128, 0, 9), (128, 0, 0xFFFF), (128, 8, 4), (128, 0xFFFF, 1),
    ):  # fmt: skip
        await bad.ready()
        before = bad.moved
        await bad.rings(nbytes)
        for ring in (TX, RX):
            bad.write(ring.head, head)
            bad.write(ring.tail, tail)
        noise(bench)
        await bad.quiet()
        assert bad.moved == before, (nbytes, head, tail)
    await bad.ready()
    await bad.rings(128)
    bad.write(TX.tail, 0xFFFF)
    data = bad.frame(BUFFERS, 100)
    bad.bare.descriptor(TX, 0, bad.at(BUFFERS), len(data), SEND)
    bad.expect(data)
    bad.write(TX.tail, 1)
    await bad.quiet()
    assert bad.bare.status(TX, 0) & TXD_STAT_DD and await bad.read(TDH) == 1
    await good_again(bad)


@cocotb.test()
async def rings_that_are_misaligned(dut: Any) -> None:
    """The low bits of base and length do not count: 128 bytes, 16 bytes. So the next descriptor after the last is the
    first, and nothing behind the ring is read."""
    bad = await bad_driver(dut)
    for low in (0x7F, 0x01, 0x70):
        await bad.ready()
        await bad.rings(128 | low)
        bad.write(TX.base_low, bad.at(TX.at) & 0xFFFF_FFFF | 0xF)
        for index in range(8):
            data = bad.frame(BUFFERS + index * 256, 60 + index)
            bad.bare.descriptor(TX, index, bad.at(BUFFERS + index * 256), len(data), SEND)
            if index < 7:
                bad.expect(data)
        bad.bare.descriptor(TX, 8, 1 << 60, 100, SEND)  # a fault, if it were read and obeyed
        bad.write(TX.tail, 7)
        await bad.quiet()
        assert await bad.read(TDH) == 7
        bad.expect(bad.frame(BUFFERS + 7 * 256, 67))
        bad.write(TX.tail, 0)
        await bad.quiet()
        assert await bad.read(TDH) == 0
    await good_again(bad)


# ------------------------------------------------------------------ descriptors
@cocotb.test()
async def descriptors_without_bytes_and_with_too_many(dut: Any) -> None:
    """Length 0 in every place of a frame; frames that no buffer holds: no frame goes out, each descriptor is retired,
    and the next frame is right."""
    bad = await bad_driver(dut)
    bare = bad.bare
    await bad.rings()
    place, index = BUFFERS, 0

    def add(offset: int, length: int, command: int) -> None:
        nonlocal index
        bare.descriptor(TX, index, bad.at(offset), length, command)
        index += 1

    add(place, 0, SEND)  # nothing at all
    add(1 << 50, 0, SEND)  # from nowhere
    whole = bad.frame(place, 300)
    for offset, length in ((0, 0), (0, 100), (100, 0), (100, 200)):
        add(place + offset, length, SEND & ~TXD_CMD_EOP)
    add(place, 0, SEND)
    bad.expect(whole)
    for _ in range(3):  # 24 KiB in pieces
        add(place, 8192, SEND & ~TXD_CMD_EOP)
    add(place, 100, SEND)
    add(place, 0xFFFF, SEND)  # and in one
    add(place, LONGEST_BYTES + 1, SEND)
    after = bad.frame(place + 32768, 64)
    add(place + 32768, 64, SEND)
    bad.expect(after)
    bad.write(TDT, index)
    await bad.quiet()
    assert await bad.read(TDH) == index
    assert all(bare.status(TX, number) & TXD_STAT_DD for number in range(index))
    await good_again(bad)


@cocotb.test()
async def buffers_across_pages(dut: Any) -> None:
    """Any alignment across 4 KiB, both ways; the IOMMU's window, and so every buffer, is above 4 GiB."""
    bad = await bad_driver(dut)
    bench, bare, random = bad.bench, bad.bare, bad.bench.random
    assert bare.iova >> 32
    rounds = 40 if bench.config.sim.compiled else 8
    await bad.rings()
    for number in range(rounds):
        start = BUFFERS + PAGE - random.randint(1, 70)
        data = bad.frame(start, random.randint(71, 1500))
        bare.descriptor(TX, number % COUNT, bad.at(start), len(data), SEND)
        bad.expect(data)
        bad.write(TDT, (number + 1) % COUNT)
        await bad.quiet()
    for number in range(rounds):
        start = BUFFERS + PAGE - random.randint(1, 300)
        bare.descriptor(RX, number % COUNT, bad.at(start))
        bad.write(RX.tail, (number + 1) % COUNT)
        await bad.quiet()
        data = frames_to(b"\xff" * 6, bench.partner.config.mac, random, 1, (301, 1500))[0]
        bench.wire.send(Frame(data))
        await bad.quiet()
        _, length, _, status, errors, _ = RXD.unpack_from(bare.arena, RX.at + number % COUNT * DESC_BYTES)
        assert (length, status & 3, errors) == (len(data), 3, 0)
        assert bytes(bare.arena[start : start + length]) == data
    await good_again(bad)


# ------------------------------------------------------------------ doorbells
@cocotb.test()
async def doorbell_storms(dut: Any) -> None:
    """Both tails written thousands of times, mostly with the value that they have: each frame goes out once, and each
    that comes is in a buffer of its own, in order."""
    bad = await bad_driver(dut)
    bare, random = bad.bare, bad.bench.random
    rings = 3000 if bad.bench.config.sim.compiled else 200
    await bad.rings()
    for index in range(COUNT - 1):
        data = bad.frame(BUFFERS + index * 256, random.randint(60, 250))
        bare.descriptor(TX, index, bad.at(BUFFERS + index * 256), len(data), SEND)
        bad.expect(data)
        bare.descriptor(RX, index, bad.at(RX_BUFFERS + index * RX_STRIDE))
    await bad.read(regs.RCTL)  # whose write has arrived before frames do
    arrived = noise(bad.bench, COUNT - 1)

    async def storm() -> None:
        told = 0
        for number in range(rings):
            told = max(told, number * (COUNT - 1) // (rings - 1))
            bare.write(TX.tail, told)
            bare.write(RX.tail, told)
            if random.random() < 0.1:
                await bare.read(TX.head)

    await bad.bench.run(storm())
    await bad.quiet()
    assert await bad.read(TDH) == COUNT - 1 and await bad.read(regs.RDH) == COUNT - 1
    for index, data in enumerate(arrived):
        at = RX_BUFFERS + index * RX_STRIDE
        assert bare.status(RX, index) & RXD_STAT_DD and bare.arena[at : at + len(data)] == data, index
    assert not bare.status(RX, COUNT - 1) & RXD_STAT_DD
    await good_again(bad)


# ------------------------------------------------------------------
HOST = HostConfig(latency_ns=100, latency_spread_ns=600, reorder=True, backpressure=0.1)


@on_both
def test_bad_drivers(sim: SimConfig, tmp_path: Path, bench_seed: int) -> None:
    driver = on_any_cpus(DriverConfig(time_scale=4000, rx_ring=64, tx_ring=64), bench_seed, "faults_driver")
    config = BenchConfig(host=HOST, driver=driver, sim=sim)
    cases = None if sim.compiled else "misaligned|across_pages|doorbell"
    result = launch(config.seeded(bench_seed), "tests.system.test_faults_driver", tmp_path, test_filter=cases)
    assert result.passed == (5 if sim.compiled else 3)
