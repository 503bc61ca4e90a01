# SPDX-License-Identifier: MIT
"""A card under a driver that knows nothing, and rounds of frames on it: after each, memory, wire and every statistics
register must be what the model (frame_model.py) says."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from cocotb.triggers import Timer

from driver.e1000e import regs
from driver.e1000e.desc import DESC_BYTES, TXD_CMD_EOP, TXD_CMD_IFCS, TXD_CMD_RS, TXD_STAT_DD, TXD_STATUS_OFFSET
from driver.e1000e.regs import PBA, PHY_BMCR, RCTL, STATUS, TCTL, LoopbackMode
from sim.bench import Bench
from sim.launch import configured
from sim.wire import Frame, Received
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

__all__ = ["Card", "Round", "card_down", "card_up"]

RING_MOST = 1024
RX = RawRing(regs.RDBAL, regs.RDBAH, regs.RDLEN, regs.RDH, regs.RDT, at=0)
TX = RawRing(regs.TDBAL, regs.TDBAH, regs.TDLEN, regs.TDH, regs.TDT, at=RING_MOST * DESC_BYTES)
POOL = 2 * RING_MOST * DESC_BYTES
ARENAS = 12
MEMORY = ARENAS * ARENA_BYTES
PREAMBLE = bytes([0x55] * 7 + [0xD5])
LINK_NS, REST_NS = 30_000, 20_000
RX_KB, RX_KB_LOOPED = 36, 20
LOOPED_PHY, COPPER_PHY = PHY_BMCR.LOOPBACK | PHY_BMCR.FULL_DUPLEX | PHY_BMCR.SPEED_MSB, PHY_BMCR.reset


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
