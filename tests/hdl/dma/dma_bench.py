# SPDX-License-Identifier: MIT
"""nic_dma between two AXI slaves, a front end that receives and a MAC that sends: every cycle is checked.

The rings (tests.hdl.dma.rings) judge what goes over the bus; here are the pins, the frames and the pulses.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from random import Random
from typing import Any

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import RisingEdge

from tests.hdl.axi.slave import Burst, ReadSlave, Settings, WriteSlave
from tests.hdl.dma.layout import (
    Frame,
    RxStat,
    TxStat,
    beat_ints,
    error_record,
    ring_int,
    rx_cfg_int,
    tx_cfg_int,
    unpack_beat,
)
from tests.hdl.dma.rings import Memory, RxRing, TxFrame, TxRing
from tests.hdl.sim_helpers import constant, struct

__all__ = ["PACKET_MEMORY_KB", "RX_DATA", "RX_DESC", "RX_WB", "TX_DATA", "TX_DESC", "TX_WB", "DmaBench", "Setup"]

RX_DESC, TX_DESC, TX_DATA = 0, 1, 2  # read IDs
RX_DATA, RX_WB, TX_WB = 0, 1, 2  # write IDs
EVENT = struct("dma_event_t")
PACKET_MEMORY_KB = constant("PacketMemoryKb")
# Everything the pins of nic_dma start with.
INPUTS = (
    "stop_i", "rx_cfg_i", "tx_cfg_i", "rx_ring_i", "tx_ring_i", "rx_head_load_i", "tx_head_load_i", "head_value_i",
    "rx_valid_i", "rx_beat_i", "rx_verdict_i", "tx_ready_i", "m_axi_arready", "m_axi_rvalid", "m_axi_rid",
    "m_axi_rdata", "m_axi_rresp", "m_axi_rlast", "m_axi_awready", "m_axi_wready", "m_axi_bvalid", "m_axi_bid",
    "m_axi_bresp",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Setup:
    rx_count: int = 32
    tx_count: int = 32
    buf_bytes: int = 2048
    rdmts: int = 0
    small_bytes: int = 0  # frames up to this raise SRPD
    low: int = 0  # descriptors left to send that raise TXD_LOW, in eights
    rx_kb: int = 20  # shares of the packet memory
    tx_kb: int = 20
    memory_bytes: int = 1 << 21
    tx_pool_bytes: int = 1 << 20
    tx_ready: float = 1.0  # chance per cycle that the MAC takes a beat
    beat_every: int = 1  # cycles per received beat
    frame_every: float = 0.0  # cycles from one received frame's first beat to the next one's, at least
    send_every: float = 0.0  # the same for frames that the MAC takes


def tx_limit(kb: int) -> int:
    """The longest frame that a transmit buffer of `kb` KiB sends, bytes."""
    return min(16288, 1024 * min(kb, PACKET_MEMORY_KB))


class DmaBench:
    def __init__(self, dut: Any, settings: Settings, setup: Setup | None = None) -> None:
        self.dut, self.setup = dut, setup or Setup()
        self.rng = Random(cocotb.RANDOM_SEED)
        self.bus_bytes = len(dut.m_axi_rdata) // 8
        self.settings = settings
        self.cycle = 0
        self.counts: Counter[str] = Counter()
        self.pins: dict[str, int] = {}  # what we drive
        self.rx_enabled = self.tx_enabled = True
        self.stop = False
        self.rx_frames: deque[Frame] = deque()  # to be received
        self.rx_beats: deque[tuple[int, Frame | None]] = deque()  # of the frame that is coming in
        self.rx_ended: deque[Frame] = deque()  # its statistics are due in the next cycle
        self.rx_done: Frame | None = None  # its last beat is on the pins
        self.rx_beat_due = self.rx_frame_due = 0.0
        self.tx_part = b""  # of the frame that is going out
        self.tx_due = 0.0  # the MAC is ready for the next frame
        self.tx_sent: list[TxFrame] = []
        self.tx_stats: deque[TxStat] = deque()
        self.errors_due: list[tuple[bool, int]] = []
        self.errors_told: list[tuple[int, bool]] = []  # in which cycle, a write's
        self.fail: Counter[tuple[str, int]] = Counter()  # ("r" or "w", ID): this many more bursts and one fails
        self.fail_in_cycle: dict[tuple[str, int], int] = {}  # the next burst fails, and is answered in this cycle
        self.aw_waiting: tuple[int, int, int] | None = None  # offered, not taken
        self.heads_known = True
        self.quiet = False  # idle in the last cycle, and nothing was done to it since
        self._rings()

    def _rings(self) -> None:
        """New memory, new rings, new slaves: as after a reset."""
        setup, rng = self.setup, self.rng
        self.memory = Memory(setup.memory_bytes)
        self.rx = RxRing(self.memory, setup.rx_count, setup.buf_bytes, rng, setup.small_bytes)
        self.tx = TxRing(self.memory, setup.tx_count, rng, setup.tx_pool_bytes, tx_limit(setup.tx_kb))
        self.reader = ReadSlave(self.settings, rng, self.bus_bytes, self._read)
        self.writer = WriteSlave(self.settings, rng, self.bus_bytes, self._store)
        self.unanswered: dict[int, deque[tuple[Burst, int, bytes]]] = {id: deque() for id in range(3)}
        self.tx_sent, self.tx_part = [], b""

    def _read(self, addr: int, size: int) -> bytes:
        # A bus beat may reach over the edges of what is there.
        data = bytearray(size)
        for at in range(0, size, 8):
            if 0 <= addr + at - Memory.BASE < self.setup.memory_bytes:
                data[at : at + 8] = self.memory.read(addr + at, 8)
        return bytes(data)

    # ---------------------------------------------------------------- life
    async def start(self) -> DmaBench:
        dut = self.dut
        for name in INPUTS:
            getattr(dut, name).value = 0
        dut.rst_ni.value = 0
        self._set("dp_rst_ni", 1)
        Clock(dut.clk_i, 6.4, "ns").start()
        for _ in range(3):
            await RisingEdge(dut.clk_i)
        dut.rst_ni.value = 1
        self.configure(self.setup)
        await RisingEdge(dut.clk_i)
        return self

    def configure(self, setup: Setup) -> None:
        """What of a setup the card is told beside the rings."""
        self.setup = setup
        self._set("rx_cfg_i", rx_cfg_int(setup.buf_bytes, setup.rdmts, setup.rx_kb, setup.small_bytes))
        self._set("tx_cfg_i", tx_cfg_int(setup.tx_kb, setup.low))
        self.tx.limit, self.rx.small_bytes = tx_limit(setup.tx_kb), setup.small_bytes

    def _set(self, name: str, value: int) -> None:
        if self.pins.get(name) != value:
            getattr(self.dut, name).value = value
            self.pins[name] = value
            if name not in ("tx_ready_i", "m_axi_arready", "m_axi_awready", "m_axi_wready"):
                self.quiet = False

    async def run(self, until: Callable[[], bool] | None = None, *, limit: int = 60_000) -> None:
        """Clocks until `until`, or by default until all that can be done is done and the card says so."""
        begin = self.cycle
        if until is None:
            await self.cycles(3)  # what the test has just given has to reach the card
        while not (until() if until else self.settled):
            await self.step()
            assert self.cycle - begin < limit, f"after {limit} cycles: {self.state}"

    async def cycles(self, count: int) -> None:
        for _ in range(count):
            await self.step()

    @property
    def settled(self) -> bool:
        return not self.rx_frames and not self.rx_beats and not self.rx_ended and self.quiet

    @property
    def state(self) -> str:
        rx, tx = self.rx, self.tx
        return (
            f"rx head {rx.head} visible {rx.visible} written {rx.written} payload {rx.payload} of {len(rx.segments)}, "
            f"tail {rx.tail}; tx head {tx.head} visible {tx.visible} tail {tx.tail} sent {len(self.tx_sent)} of "
            f"{len(tx.frames)}; to receive {len(self.rx_frames)}; {self.counts}"
        )

    def check_all_done(self) -> None:
        """Everything given to the card was done, reported, and nothing else was."""
        rx, tx = self.rx, self.tx
        assert tx.head == tx.tail == len(tx.descs), self.state
        assert self.tx_sent == tx.frames, self.state
        assert rx.head == rx.visible == min(len(rx.segments), rx.tail), self.state
        assert rx.causes == rx.reported and tx.causes == tx.reported, "an event is missing"
        assert not self.tx_stats and not self.errors_due and not self.rx_ended

    async def reset(self) -> None:
        """CTRL.RST as nic_reset does it."""
        self.stop = True
        await self.cycles(2)
        await self.run(lambda: bool(self.dut.engines_idle_o.value), limit=5000)
        assert self.tx_part == b"", "reset inside a frame to the MAC"
        assert not self.reader.request.outstanding and not self.writer.request.outstanding
        assert not self.errors_due
        self.heads_known = self.rx_enabled = self.tx_enabled = False
        self.rx_frames.clear()
        self.rx_beats.clear()  # the front end is reset too
        self._set("dp_rst_ni", 0)
        await self.cycles(4)
        self._set("dp_rst_ni", 1)
        self.stop = False
        self._rings()
        self.fail.clear()
        self.fail_in_cycle.clear()
        await self.cycles(2)
        self.heads_known = True

    async def load_heads(self, rx: int, tx: int) -> None:
        """RDH and TDH written while the queues are disabled; the rings start anew there."""
        self.heads_known = False
        self._rings()
        self.rx.start, self.tx.start = rx, tx
        await self.write_heads(rx, tx)
        await self.cycles(3)
        self.heads_known = True

    async def write_heads(self, rx: int, tx: int) -> None:
        """The writes alone: what the card has begun is still to be seen in the old rings."""
        for name, value in (("rx_head_load_i", rx), ("tx_head_load_i", tx)):
            self._set("head_value_i", value)
            self._set(name, 1)
            await self.step()
            self._set(name, 0)

    # ---------------------------------------------------------------- one cycle
    async def step(self) -> None:
        await RisingEdge(self.dut.clk_i)
        self.cycle += 1
        was_quiet, self.quiet = self.quiet, True
        self._pulses()
        self._bus_reads()
        self._bus_writes()
        self._heads()
        self._transmit()
        self._receive()
        self._configure()
        idle = bool(self.dut.idle_o.value)
        if idle:
            outstanding = self.reader.request.outstanding + self.writer.request.outstanding
            assert not outstanding, "idle, bursts outstanding"
        assert idle or not was_quiet, "idle ended by itself"
        self.quiet = self.quiet and idle

    def _configure(self) -> None:
        rx, tx = self.rx, self.tx
        self._set("rx_ring_i", ring_int(self.rx_enabled, rx.base, rx.count, rx.index(rx.tail)))
        self._set("tx_ring_i", ring_int(self.tx_enabled, tx.base, tx.count, tx.index(tx.tail)))
        self._set("stop_i", int(self.stop))

    def _pulses(self) -> None:
        dut = self.dut
        event = EVENT.unpack(int(dut.event_o.value))
        for name, seen in vars(event).items():
            self.counts[name] += seen
        for ring, kinds in ((self.rx, ("rxt0", "srpd")), (self.tx, ("txdw", "txdw_ide"))):
            if names := [name for name in kinds if getattr(event, name)]:
                ring.see_event(names)
        self.counts["rnbc"] += int(dut.rnbc_o.value)
        if (stat := RxStat.of(int(dut.rx_stat_o.value))) is not None:
            self._see_rx_stat(stat, bool(event.rxo))
        if (sent := TxStat.of(int(dut.tx_stat_o.value))) is not None:
            assert sent == self.tx_stats.popleft()
        if (error := error_record(int(dut.err_o.value))) is not None:
            self.counts["errors"] += 1
            self.errors_due.remove(error)
            self.errors_told.append((self.cycle, error[0]))

    def _see_rx_stat(self, stat: RxStat, overrun: bool) -> None:
        frame = self.rx_ended.popleft()
        bad = bool(frame.errors)
        assert stat.bytes == len(frame.data) and stat.crc_err == bad
        assert frame.accept or not overrun
        assert stat.missed == overrun
        assert stat.good == (frame.accept and not (bad or frame.control or overrun))
        self.counts["stored"] += frame.accept and not overrun
        self.counts["missed"] += overrun
        if frame.accept and not overrun:
            self.rx.expect(frame)

    def _heads(self) -> None:
        if self.heads_known:
            self.counts["rx_retired"] += self.rx.see_head(int(self.dut.rx_head_o.value))
            self.counts["tx_retired"] += self.tx.see_head(int(self.dut.tx_head_o.value))

    # ---------------------------------------------------------------- bus
    def _manners(self, kind: str, offer: tuple[int, int, int] | None, ready: int) -> Settings:
        """How the slave treats the burst that it accepts in this cycle: it fails when its turn has come."""
        if offer is None or not ready:
            return self.settings
        if (answer := self.fail_in_cycle.pop((kind, offer[0]), None)) is not None:
            assert answer > self.cycle, "too late to be answered then"
            wait = answer - self.cycle
            return replace(self.settings, errors=1.0, latency=(wait, wait))
        if (kind, offer[0]) not in self.fail:
            return self.settings
        self.fail[kind, offer[0]] -= 1
        if self.fail[kind, offer[0]] >= 0:
            return self.settings
        del self.fail[kind, offer[0]]
        return replace(self.settings, errors=1.0)

    def _bus_reads(self) -> None:
        dut, slave = self.dut, self.reader
        ar = None
        if dut.m_axi_arvalid.value:
            ar = int(dut.m_axi_arid.value), int(dut.m_axi_araddr.value), int(dut.m_axi_arlen.value)
        before = slave.r
        slave.settings = self._manners("r", ar, slave.request.ready)
        burst, _ = slave.step(self.cycle, ar, int(dut.m_axi_rready.value))
        if burst:
            self._see_read(burst)
        self._set("m_axi_arready", slave.request.ready)
        if slave.r is not before:
            self._set("m_axi_rvalid", int(slave.r is not None))
            if slave.r:
                names = ("m_axi_rid", "m_axi_rdata", "m_axi_rresp", "m_axi_rlast")
                for name, value in zip(names, slave.r, strict=True):
                    self._set(name, value)

    def _see_read(self, burst: Burst) -> None:
        self.counts[f"r{burst.id}"] += 1
        end = burst.addr - burst.addr % self.bus_bytes + burst.beats * self.bus_bytes
        if burst.failed:
            self.errors_due.append((False, burst.addr))
        if burst.id == TX_DATA:
            sequence, ring = self.tx.see_read(burst.addr, end), self.tx
        else:
            ring = self.rx if burst.id == RX_DESC else self.tx
            size = (end - burst.addr) // 16 * 16
            sequence = ring.see_fetch(burst.addr, size, beside=self.bus_bytes > 16)
        if burst.failed:
            # What comes with an error is not to be used: that would be seen.
            if burst.id == TX_DATA:
                self.memory.write(burst.addr, bytes(min(end, self.tx.descs[sequence].end) - burst.addr))
            else:
                self.memory.write(burst.addr, bytes(16))
            ring.fail(sequence)

    def _bus_writes(self) -> None:
        dut, slave = self.dut, self.writer
        aw = w = None
        if dut.m_axi_awvalid.value:
            aw = int(dut.m_axi_awid.value), int(dut.m_axi_awaddr.value), int(dut.m_axi_awlen.value)
        if dut.m_axi_wvalid.value:
            w = int(dut.m_axi_wdata.value), int(dut.m_axi_wstrb.value), int(dut.m_axi_wlast.value)
        if aw and aw != self.aw_waiting and self.bus_bytes <= 16:
            self._see_write_offered(*aw)
        before = slave.b
        slave.settings = self._manners("w", aw, slave.request.ready)
        burst, _, answered = slave.step(self.cycle, aw, w, int(dut.m_axi_bready.value))
        self.aw_waiting = None if burst else aw
        if burst:
            self.counts[f"w{burst.id}"] += 1
            if burst.failed:
                self.errors_due.append((True, burst.addr))
        if answered:
            self._see_answer(answered[0])
        self._set("m_axi_awready", slave.request.ready)
        self._set("m_axi_wready", slave.wready)
        if slave.b is not before:
            self._set("m_axi_bvalid", int(slave.b is not None))
            if slave.b:
                self._set("m_axi_bid", slave.b[0])
                self._set("m_axi_bresp", slave.b[1])

    def _see_write_offered(self, id: int, addr: int, length: int) -> None:
        """AWVALID rises: what a write-back vouches for must have been answered by now."""
        if id != RX_DATA:
            end = addr - addr % self.bus_bytes + (length + 1) * self.bus_bytes
            (self.rx if id == RX_WB else self.tx).see_write_back_issued(addr, (end - addr) // 16)

    def _store(self, burst: Burst, beats: list[tuple[int, int]]) -> None:
        """A whole burst has come: its bytes are what they should be; they are in memory when it is answered."""
        start = burst.addr - burst.addr % self.bus_bytes
        lanes = b"".join(data.to_bytes(self.bus_bytes, "little") for data, _ in beats)
        strobes = "".join(f"{strobe:0{self.bus_bytes}b}"[::-1] for _, strobe in beats)
        first, last = strobes.index("1"), strobes.rindex("1")
        assert start + first == burst.addr and "0" not in strobes[first : last + 1], f"strobes {strobes}"
        data = lanes[first : last + 1]
        if burst.id == RX_DATA:
            sequence = self.rx.see_payload(burst.addr, data)
            if burst.failed:
                self.rx.fail(sequence)
        else:
            assert burst.addr % 16 == 0 and len(data) % 16 == 0, "part of a descriptor"
            if self.bus_bytes > 16:  # AWLEN does not tell how many
                (self.rx if burst.id == RX_WB else self.tx).see_write_back_issued(burst.addr, len(data) // 16)
        self.unanswered[burst.id].append((burst, burst.addr, data))

    def _see_answer(self, id: int) -> None:
        burst, addr, data = self.unanswered[id].popleft()
        ring = None if id == RX_DATA else self.rx if id == RX_WB else self.tx
        if not burst.failed:
            self.memory.write(addr, data)
        if ring:
            ring.dead |= burst.failed
            if not ring.dead:  # behind a write-back that failed nothing is reported
                ring.see_write_back(addr, data)

    # ---------------------------------------------------------------- frames
    def _receive(self) -> None:
        if self.pins.get("rx_valid_i"):
            if self.rx_done is not None and self.pins["dp_rst_ni"]:
                self.rx_ended.append(self.rx_done)
            self._set("rx_valid_i", 0)
        if not self.rx_beats and self.rx_frames and self.cycle >= self.rx_frame_due:
            frame = self.rx_frames.popleft()
            ints = beat_ints(frame.data)
            self.rx_beats.extend((beat, frame if beat >> 133 else None) for beat in ints)
            self.rx_frame_due = max(self.rx_frame_due, self.cycle - 1.0) + self.setup.frame_every
        if self.rx_beats and self.cycle >= self.rx_beat_due:
            beat, self.rx_done = self.rx_beats.popleft()
            self._set("rx_beat_i", beat)
            self._set("rx_verdict_i", self.rx_done.verdict if self.rx_done else 0)
            self._set("rx_valid_i", 1)
            self.rx_beat_due = self.cycle + self.setup.beat_every

    def _transmit(self) -> None:
        dut = self.dut
        valid = bool(dut.tx_valid_o.value)
        assert valid or self.tx_part == b"", "a gap inside a frame to the MAC"
        if valid and self.pins.get("tx_ready_i"):
            data, last = unpack_beat(int(dut.tx_beat_o.value))
            if not self.tx_part:
                self.tx_due = max(self.tx_due, self.cycle - 2.0) + self.setup.send_every
            self.tx_part += data
            if last:
                self._see_sent(TxFrame(self.tx_part, bool(dut.tx_fcs_o.value)))
                self.tx_part = b""
        due = self.tx_part != b"" or self.cycle >= self.tx_due
        self._set("tx_ready_i", int(due and self.rng.random() < self.setup.tx_ready))

    def _see_sent(self, frame: TxFrame) -> None:
        assert len(self.tx_sent) < len(self.tx.frames), "a frame nobody gave"
        want = self.tx.frames[len(self.tx_sent)]
        assert frame == want, f"frame {len(self.tx_sent)}: {frame.data.hex()} for {want.data.hex()}"
        self.tx_sent.append(frame)
        size = max(len(frame.data), 60) + 4 if frame.fcs else len(frame.data)
        broadcast = frame.data[:6] == b"\xff" * 6
        self.tx_stats.append(TxStat(size, frame.data[0] & 1 and not broadcast, broadcast))
