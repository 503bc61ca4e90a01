# SPDX-License-Identifier: MIT
"""Frames of every kind through the whole card, by random rounds: what lies in memory afterwards, to the byte and
nothing beside it, what was on the wire, and every statistics register are a model's (frame_model.py)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise, product
from pathlib import Path
from random import Random
from typing import Any

import cocotb
import pytest
from cocotb.triggers import Timer

from driver.e1000e import regs
from driver.e1000e.desc import DESC_BYTES, TXD_CMD_EOP, TXD_CMD_IFCS, TXD_CMD_RS, TXD_STAT_DD, TXD_STATUS_OFFSET
from driver.e1000e.regs import PBA, PHY_BMCR, RCTL, STATUS, TCTL, LoopbackMode
from sim.bench import Bench
from sim.check.filter import BROADCAST
from sim.config import BenchConfig, HostConfig
from sim.launch import configured, launch
from sim.wire import Frame, Received, fcs_of
from tests.system.bare_driver import ARENA_BYTES, BareDriver, RawRing
from tests.system.frame_model import (
    FCS_BYTES,
    Arrival,
    Outbound,
    Receiver,
    Stored,
    arrival_of,
    count_sent,
    fcs_is_right,
)
from tests.system.helpers import AXI, NATIVE

MODULE = "tests.system.test_frames"
RING_MOST = 1024
RX = RawRing(regs.RDBAL, regs.RDBAH, regs.RDLEN, regs.RDH, regs.RDT, at=0)
TX = RawRing(regs.TDBAL, regs.TDBAH, regs.TDLEN, regs.TDH, regs.TDT, at=RING_MOST * DESC_BYTES)
POOL = 2 * RING_MOST * DESC_BYTES
ARENAS = 12
MEMORY = ARENAS * ARENA_BYTES
PREAMBLE = bytes([0x55] * 7 + [0xD5])
LINK_NS, REST_NS = 30_000, 20_000
BUDGET = 40_000  # bytes of a round's frames: a receiver that stumbles has room for nearly all of them
RX_KB, RX_KB_LOOPED = 36, 20
LOOPED_PHY, COPPER_PHY = PHY_BMCR.LOOPBACK | PHY_BMCR.FULL_DUPLEX | PHY_BMCR.SPEED_MSB, PHY_BMCR.reset

# RCTL bits of each buffer size; with BSEX, BSIZE = 0 is reserved. FLXBUF counts, whatever the two others are.
BUFFERS = {
    **{f"{2048 >> code}": RCTL.BSIZE.put(code) for code in range(4)},
    **{f"{32768 >> code}": RCTL.BSIZE.put(code) | RCTL.BSEX for code in range(1, 4)},
    **{f"{kilobytes}K": RCTL.FLXBUF.put(kilobytes) | other
       for kilobytes, other in ((1, 0), (2, RCTL.BSEX), (3, RCTL.BSIZE.put(3)), (5, RCTL.BSEX | RCTL.BSIZE.put(1)),
                                (9, 0), (15, RCTL.BSIZE.put(2)))},
}  # fmt: skip


@dataclass(slots=True)
class Round:
    """What one round sends each way, and under which settings. loopback: none, MAC or PHY."""

    rctl: int
    psp: bool = True
    inbound: list[Frame] = field(default_factory=list)
    outbound: list[Outbound] = field(default_factory=list)
    loopback: str = "none"


class Card:
    """A bench with a bare driver, and an image of what its memory must look like."""

    def __init__(self, bench: Bench) -> None:
        self.bench, self.bare = bench, BareDriver(bench, ARENAS)
        self.random = bench.random
        self.address = bytes.fromhex(bench.config.mac.replace(":", ""))
        self.heard: list[Received] = []
        self.stored = Counter[str]()  # what kinds of things happened, over all rounds
        bench.wire.on_received(self.heard.append)

    # ------------------------------------------------------------------ memory
    def _place(self, nbytes: int) -> int:
        """Any alignment, and a few bytes of nobody's before it. Arenas are no neighbours."""
        at = self._free + self.random.randint(1, 40)
        if at // ARENA_BYTES != (at + nbytes) // ARENA_BYTES:
            at = (at + nbytes) // ARENA_BYTES * ARENA_BYTES + self.random.randint(0, 40)
        self._free = at + nbytes
        assert self._free < MEMORY
        return at

    def _address(self, at: int) -> int:
        """Bus address of a place."""
        return self.bare.arenas[at // ARENA_BYTES][1] + at % ARENA_BYTES

    def _fill(self) -> None:
        """Every byte of memory gets a random value."""
        self.image = bytearray(self.random.randbytes(MEMORY))
        for number, (arena, _) in enumerate(self.bare.arenas):
            arena[:] = self.image[number * ARENA_BYTES : (number + 1) * ARENA_BYTES]
        self._free = POOL

    def _receive_buffers(self, parts: list[Stored], size: int) -> tuple[int, int, int]:
        """Descriptors for these parts and a few more; (descriptors of the ring, first, tail). The image is left as it
        must be afterwards, the arena as it must be now."""
        spare = self.random.randint(1, 3)
        count = -(-(len(parts) + spare + self.random.randint(1, 20)) // 8) * 8
        assert count <= RING_MOST
        first = self.random.randrange(count)
        for number in range(len(parts) + spare):
            at, index = self._place(size), (first + number) % count
            self.bare.descriptor(RX, index, self._address(at))
            place = RX.at + index * DESC_BYTES
            descriptor = bytes(self.bare.arena[place : place + DESC_BYTES])
            if number < len(parts):
                part = parts[number]
                self.image[at : at + len(part.data)] = part.data
                descriptor = part.descriptor(self._address(at))
            self.image[place : place + DESC_BYTES] = descriptor
        return count, first, (first + len(parts) + spare) % count

    def _pieces(self, data: bytes) -> Iterator[bytes]:
        """One to eight, any of them may be empty."""
        cuts = sorted(self.random.randint(0, len(data)) for _ in range(self.random.randint(0, 7)))
        return (data[begin:end] for begin, end in pairwise([0, *cuts, len(data)]))

    def _send_buffers(self, frames: list[Outbound]) -> tuple[int, int, int]:
        """Likewise, the frames in their buffers. IFCS counts in the last descriptor of a frame only."""
        pieces: list[tuple[bytes, int]] = []
        for frame in frames:
            commands = [(piece, self.random.choice((0, TXD_CMD_IFCS))) for piece in self._pieces(frame.data)]
            pieces += commands[:-1]
            pieces.append((commands[-1][0], TXD_CMD_EOP | TXD_CMD_IFCS * frame.ifcs))
        count = -(-(len(pieces) + self.random.randint(1, 20)) // 8) * 8
        assert count <= RING_MOST
        first = self.random.randrange(count)
        for number, (piece, command) in enumerate(pieces):
            at, index = self._place(len(piece)), (first + number) % count
            arena, start = self.bare.arenas[at // ARENA_BYTES][0], at % ARENA_BYTES
            arena[start : start + len(piece)] = self.image[at : at + len(piece)] = piece
            report = self.random.choice((0, TXD_CMD_RS))
            self.bare.descriptor(TX, index, self._address(at), len(piece), command | report)
            place = TX.at + index * DESC_BYTES
            self.image[place : place + DESC_BYTES] = self.bare.arena[place : place + DESC_BYTES]
            self.image[place + TXD_STATUS_OFFSET] = TXD_STAT_DD if report else 0
        return count, first, (first + len(pieces)) % count

    # ------------------------------------------------------------------ a round
    async def play(self, this: Round) -> None:
        bench, bare, what = self.bench, self.bare, this.loopback
        leaving = [frame.on_wire(this.psp) for frame in this.outbound]
        receiver = Receiver(this.rctl, self.address)
        arriving = map(arrival_of, this.inbound) if what == "none" else map(Arrival, leaving)
        parts = receiver.take(arriving)
        self._fill()
        rx = self._receive_buffers(parts, receiver.buffer_bytes)
        tx = self._send_buffers(this.outbound)
        self.heard.clear()

        async def configure() -> None:
            bare.write(RCTL, 0)
            bare.write(TCTL, 0)
            await bare.ring(RX, rx[0] * DESC_BYTES, rx[1])
            await bare.ring(TX, tx[0] * DESC_BYTES, tx[1])
            await bare.phy_write(PHY_BMCR, LOOPED_PHY if what == "PHY" else COPPER_PHY)
            mode = LoopbackMode.MAC if what == "MAC" else LoopbackMode.NONE
            bare.write(PBA, RX_KB if what == "none" and not this.outbound else RX_KB_LOOPED)
            bare.write(RCTL, this.rctl | RCTL.EN | RCTL.LBM.put(mode))
            bare.write(TCTL, TCTL.EN | TCTL.PSP * this.psp)
            bare.write(RX.tail, rx[2])

        await bench.run(configure())
        await Timer(LINK_NS, "ns")
        assert await bench.run(bare.read(STATUS)) & STATUS.LU
        for frame in this.inbound:
            bench.wire.send(frame)
        await bench.run(self._doorbell(tx[2]))
        await self._rest()
        counts = receiver.counts + count_sent(this.outbound, this.psp)
        await self._compare(counts, [] if what != "none" else leaving, tx[2], (rx[1] + len(parts)) % rx[0])
        self.stored.update(counts)

    async def _doorbell(self, tail: int) -> None:
        self.bare.write(TX.tail, tail)

    async def _rest(self) -> None:
        """Until nothing has moved for longer than any frame takes."""
        bench, before = self.bench, None
        await bench.wire.drained()
        while before != (now := (bench.host.dma.reads, bench.host.dma.writes, len(self.heard))):
            before = now
            await Timer(REST_NS, "ns")
        assert bench.host.dma.idle

    async def _compare(self, counts: Counter[str], wire: list[bytes], tx_head: int, rx_head: int) -> None:
        bare, image = self.bare, self.image
        seen = await self.bench.run(bare.statistics())
        moved = {name: (seen[name], counts[name]) for name in {*seen, *counts} if name[:2] not in ("IC", "IA")}
        wrong = {name: pair for name, pair in moved.items() if pair[0] != pair[1]}
        assert not wrong, f"(card, model): {wrong}"
        heads = [await self.bench.run(bare.read(ring.head)) for ring in (TX, RX)]
        assert heads == [tx_head, rx_head]
        assert len(self.heard) == len(wire), "frames on the wire"
        for number, (frame, data) in enumerate(zip(self.heard, wire, strict=True)):
            got, want = (frame.data.hex(), frame.good), (heard_as(data)[0].hex(), heard_as(data)[1])
            assert got == want, f"frame {number} on the wire, of {len(data)} bytes"
        if (memory := b"".join(arena for arena, _ in bare.arenas)) != image:
            at = next(index for index in range(MEMORY) if memory[index] != image[index])
            got, want = (data[at & ~15 : (at & ~15) + 16].hex() for data in (memory, image))
            raise AssertionError(f"memory at {at:#x} (buffers from {POOL:#x} on): {got}, not {want}")


def heard_as(data: bytes) -> tuple[bytes, bool]:
    """What the wire says of a frame: without the last four bytes, whatever they are."""
    return (data if len(data) >= FCS_BYTES else PREAMBLE + data)[:-FCS_BYTES], fcs_is_right(data)


# ------------------------------------------------------------------ frames
EDGES = (6, 59, 60, 63, 64, 65, 127, 128, 255, 256, 511, 512, 1023, 1024, 1518, 1522, 1523, 1526, 9234, 9235)
GIANTS = (9300, 12_000, 16_367, 16_368, 16_369, 17_000)


def lengths(random: Random, size: int, least: int, giants: bool) -> Iterator[int]:
    """Of a round's frames, with FCS. size: of a receive buffer, whose multiples are where things go wrong."""
    left = BUDGET
    if giants:
        left -= (giant := random.choice(GIANTS))
        yield giant
    for _ in range(random.randint(20, 40)):
        multiple = size * random.randint(1, max(1, min(9234 // size, 8))) + random.choice((0, FCS_BYTES))
        length = random.choice((
            random.randint(least, 130), random.choice(EDGES), random.choice(EDGES), multiple + random.randint(-1, 1),
            random.randint(64, 2000), random.randint(64, 9234) if random.random() < 0.2 else random.randint(64, 400),
        ))  # fmt: skip
        if left >= length:
            left -= length
            yield max(least, length)


def destination(random: Random, own: bytes) -> bytes:
    station = bytes([random.randrange(256) & 0xFC]) + random.randbytes(5)
    group = bytes([random.randrange(256) | 1]) + random.randbytes(5)
    nearly = own[:5] + bytes([own[5] ^ 1 << random.randrange(8)])
    return random.choice([own, own, own, own, BROADCAST, BROADCAST, station, group, nearly])


def inbound(random: Random, own: bytes, length: int) -> Frame:
    """`length` bytes behind the SFD, half of the frames with nothing wrong but that."""
    data = (destination(random, own) + random.randbytes(length))[:length]
    body, kind = data[: max(0, length - FCS_BYTES)], random.randrange(8)
    if length < FCS_BYTES or kind == 0:
        whole = random.random() < 0.5 and length >= FCS_BYTES
        return Frame(body + fcs_of(body) if whole else data, truncated=True)
    if kind == 1:
        return Frame(body, pad=False, bad_fcs=True)
    if kind == 2:
        return Frame(body, pad=False, error_at=random.randrange(length))
    if kind == 3 and length > 30:  # an error character where the byte has its value: the FCS stays right
        at = random.randrange(12, length - FCS_BYTES)
        return Frame(body[:at] + b"\xfe" + body[at + 1 :], pad=False, error_at=at)
    return Frame(body, pad=False)


def outbound(random: Random, own: bytes, length: int) -> Outbound:
    """`length` bytes or a few more on the wire; the FCS by the card, or by software: right, wrong or missing."""
    data = (destination(random, own) + random.randbytes(length))[: max(1, length - FCS_BYTES)]
    kind = random.randrange(6)
    if kind < 3:
        return Outbound(data, ifcs=True)
    if kind == 3:
        return Outbound(data, ifcs=False)
    fcs = fcs_of(data)
    return Outbound(data + (fcs if kind == 4 else bytes([fcs[0] ^ 0x80]) + fcs[1:]), ifcs=False)


def inbounds(card: Card, size: int, giants: bool = False) -> list[Frame]:
    return [inbound(card.random, card.address, length) for length in lengths(card.random, size, 0, giants)]


def outbounds(card: Card, size: int) -> list[Outbound]:
    frames = [outbound(card.random, card.address, min(length, 9234)) for length in lengths(card.random, size, 1, False)]
    return frames[:60]


def accepting(random: Random) -> int:
    return RCTL.UPE * (random.random() < 0.3) | RCTL.MPE * (random.random() < 0.3) | RCTL.BAM * (random.random() < 0.7)


# ------------------------------------------------------------------ rounds
async def card_up(dut: Any) -> Card:
    config, folder = configured()
    bench = Bench(dut, config, folder)
    await bench.start()
    card = Card(bench)
    await card.bare.load()
    await bench.run(card.bare.reset())
    return card


async def card_down(card: Card, expected: str) -> None:
    """expected: counters that must have moved, or the rounds have shown nothing."""
    missing = [name for name in expected.split() if not card.stored[name]]
    assert not missing, f"the traffic never moved {missing}"
    bench = card.bench
    await bench.run(card.bare.reset())
    await card.bare.unload()
    bench.host.stop()
    bench.close_captures()
    assert not bench.kernel.violations and not bench.host.dma.faults


@cocotb.test()
async def frames_of_every_kind_arrive(dut: Any) -> None:
    """Every buffer size with LPE, SBP and SECRC on and off; in half of the rounds the card sends meanwhile."""
    card = await card_up(dut)
    random = card.random
    rounds = list(product(BUFFERS.values(), (0, RCTL.LPE), (0, RCTL.SBP), (0, RCTL.SECRC)))
    random.shuffle(rounds)
    with card.bench.books.shut():
        for bits in rounds if card.bench.config.sim.compiled else rounds[:12]:
            this = Round(sum(bits) | accepting(random), psp=random.random() < 0.5)
            size = Receiver(this.rctl, card.address).buffer_bytes
            this.inbound = inbounds(card, size, giants=random.random() < 0.15)
            if random.random() < 0.5:
                this.outbound = outbounds(card, size)
            await card.play(this)
    received = "GPRC GORC BPRC MPRC CRCERRS RXERRC RUC RFC ROC RJC PRC64 PRC127 PRC255 PRC511 PRC1023 PRC1522"
    await card_down(card, received if card.bench.config.sim.compiled else "GPRC GORC TPR")


@cocotb.test()
async def frames_of_every_kind_leave(dut: Any) -> None:
    """PSP on and off; the FCS by the card, by software, or by nobody; chains of one to eight buffers of any size."""
    card = await card_up(dut)
    with card.bench.books.shut():
        for psp in (True, False) * (12 if card.bench.config.sim.compiled else 2):
            await card.play(Round(RCTL.LPE, psp=psp, outbound=outbounds(card, 2048)))
    sent = "GPTC GOTC BPTC MPTC PTC64 PTC127 PTC255 PTC511 PTC1023 PTC1522"
    await card_down(card, sent if card.bench.config.sim.compiled else "GPTC GOTC")


@cocotb.test()
async def looped_frames_stay_in_the_card(dut: Any) -> None:
    """MAC and PHY loopback in any order: the wire stays idle, what comes from it is ignored; afterwards it counts
    again. With SBP and without SECRC memory shows each byte of a frame, the last four included."""
    card = await card_up(dut)
    random = card.random
    kinds = ["MAC", "PHY", "none"] * (5 if card.bench.config.sim.compiled else 1)
    random.shuffle(kinds)
    with card.bench.books.shut():
        for kind in [*kinds, "none"]:
            bits = random.choice(list(BUFFERS.values())) | random.choice((0, RCTL.LPE)) | random.choice((0, RCTL.SECRC))
            this = Round(bits | accepting(random) | random.choice((0, RCTL.SBP)), loopback=kind)
            this.psp = random.random() < 0.5
            size = Receiver(this.rctl, card.address).buffer_bytes
            this.inbound, this.outbound = inbounds(card, size), outbounds(card, size)
            await card.play(this)
    await card_down(card, "GPRC GPTC CRCERRS RFC" if card.bench.config.sim.compiled else "GPRC GPTC")


# ------------------------------------------------------------------
HOST = HostConfig(latency_ns=100, latency_spread_ns=300, reorder=True)
CASES = ("frames_of_every_kind_arrive", "frames_of_every_kind_leave", "looped_frames_stay_in_the_card")


@pytest.mark.parametrize("case", CASES)
def test_frames(case: str, tmp_path: Path, bench_seed: int) -> None:
    config = BenchConfig(host=HOST, sim=NATIVE).seeded(bench_seed)
    assert launch(config, MODULE, tmp_path, test_filter=case, plusargs=["+xgmii_faults"]).passed == 1


def test_a_sample_on_axi(tmp_path: Path, bench_seed: int) -> None:
    config = BenchConfig(host=HOST, sim=AXI).seeded(bench_seed)
    assert launch(config, MODULE, tmp_path, plusargs=["+xgmii_faults"]).passed == len(CASES)
