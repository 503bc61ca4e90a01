# SPDX-License-Identifier: MIT
"""Both memory models against a master that is nothing but pins: order, time, hostility, and every rule it can break.

The cases run twice, on AxiMemory and on the compiled model behind the same pins.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

import cocotb
import pytest
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, RisingEdge, Timer, with_timeout

from sim.config import HostConfig
from sim.host.axi_memory import DECERR, OKAY, SLVERR, AxiMemory, AxiViolation
from sim.host.memory import HostMemory
from sim.host.native.memory import NativeMemory
from sim.host.simtime import now_ps
from sim.launch import NATIVE, NATIVE_HOST
from sim.native.library import NativeError, library
from sim.native.serve import start_clock
from sim.runner import Design, simulate

HERE = Path(__file__).parent
BASE, SIZE = 0x5_4000_0000, 1 << 20
PERIOD_PS, WIDTH = 6400, 16
INCR, BEAT_16 = 1, 4
IS_NATIVE = os.environ.get("NICOSIM_TEST_HOST") == "native"
CHANNELS = {
    "ar": ("arid", "araddr", "arlen", "arsize", "arburst"),
    "aw": ("awid", "awaddr", "awlen", "awsize", "awburst"),
    "w": ("wdata", "wstrb", "wlast"),
}


class Flat:
    """A DMA table without an IOMMU: bus addresses are physical."""

    iova_base = address = slots = 0
    beat_bytes = WIDTH

    def translate(self, iova: int, nbytes: int, is_write: bool) -> int | None:
        return iova

    def fault(self, iova: int, nbytes: int, is_write: bool) -> None:
        raise AssertionError(f"a fault at {iova:#x} of a table that forbids nothing")


class CatchingMemory(AxiMemory):
    """Notes what the master broke, where AxiMemory raises it into the task of a channel."""

    broken: list[str]

    def _catch(self, act: Callable[[Any], Any], what: Any) -> Any:
        try:
            return act(what)
        except AxiViolation as violation:
            self.broken.append(str(violation))
            return OKAY

    def _accept_read(self, item: Any) -> None:
        self._catch(super()._accept_read, item)

    def _accept_write(self, item: Any) -> None:
        self._catch(super()._accept_write, item)

    def _accept_data(self, item: Any) -> None:
        self._catch(super()._accept_data, item)

    def _perform(self, burst: Any) -> int:
        response: int = self._catch(super()._perform, burst)
        return response


@dataclass(slots=True)
class Beat:
    """A beat of R, or a B. time_ps: of the clock edge that took it."""

    id: int
    response: int
    time_ps: int
    data: bytes = b""
    last: bool = True


@dataclass(slots=True)
class Seen:
    """What a channel did. accepted: when, by item; offered: cycles with valid; withheld: of these, without ready."""

    accepted: list[int] = field(default_factory=list)
    offered: int = 0
    withheld: int = 0

    @property
    def share(self) -> float:
        return self.withheld / self.offered


class Master:
    """Offers what it is told, as soon as it can, and takes every response at once."""

    def __init__(self, dut: Any) -> None:
        self.dut = dut
        self.queues: dict[str, deque[tuple[int, ...]]] = {name: deque() for name in CHANNELS}
        self.seen = {name: Seen() for name in CHANNELS}
        self.beats: list[Beat] = []
        self.answers: list[Beat] = []
        self.waiting = {"r": 0, "b": 0}  # cycles in which some burst was under way and nothing came
        for name in CHANNELS:
            cocotb.start_soon(self._offer(name))
        cocotb.start_soon(self._take())

    def read(self, ident: int, address: int, beats: int, *, size: int = BEAT_16, kind: int = INCR) -> None:
        self.queues["ar"].append((ident, address, beats - 1, size, kind))

    def write(
        self, ident: int, address: int, data: bytes, strobes: list[int] | None = None, *, beats: int | None = None,
        kind: int = INCR,
    ) -> None:  # fmt: skip
        """data: whole beats, from the start of the first one; strobes: of each beat, all ones by default."""
        count = len(data) // WIDTH
        strobes = strobes or [0xFFFF] * count
        self.queues["aw"].append((ident, address, (beats or count) - 1, BEAT_16, kind))
        for index in range(count):
            word = int.from_bytes(data[index * WIDTH : (index + 1) * WIDTH], "little")
            self.queues["w"].append((word, strobes[index], int(index + 1 == count)))

    async def _offer(self, name: str) -> None:
        dut, queue, seen = self.dut, self.queues[name], self.seen[name]
        edge, valid, ready = RisingEdge(dut.clk_i), getattr(dut, f"{name}valid_i"), getattr(dut, f"m_axi_{name}ready")
        signals = [getattr(dut, f"{signal}_i") for signal in CHANNELS[name]]
        offered = False
        while True:
            await edge
            if offered:
                seen.offered += 1
                if not ready.value:
                    seen.withheld += 1
                    continue
                seen.accepted.append(now_ps())
            offered = bool(queue)
            valid.value = int(offered)
            if offered:
                for signal, value in zip(signals, queue.popleft(), strict=True):
                    signal.value = value

    async def _take(self) -> None:
        dut, edge = self.dut, RisingEdge(self.dut.clk_i)
        dut.rready_i.value = dut.bready_i.value = 1
        while True:
            await edge
            if dut.m_axi_rvalid.value:
                data = int(dut.m_axi_rdata.value).to_bytes(WIDTH, "little")
                ident, response = int(dut.m_axi_rid.value), int(dut.m_axi_rresp.value)
                self.beats.append(Beat(ident, response, now_ps(), data, bool(dut.m_axi_rlast.value)))
            if dut.m_axi_bvalid.value:
                self.answers.append(Beat(int(dut.m_axi_bid.value), int(dut.m_axi_bresp.value), now_ps()))


class Bench:
    def __init__(self, dut: Any, **changes: Any) -> None:
        self.dut = dut
        self.random = Random(cocotb.RANDOM_SEED)
        self.ram = HostMemory(SIZE, BASE)
        self._config = HostConfig(**{"memory_bytes": SIZE, "memory_base": BASE, "latency_ns": 0, **changes})
        self._broken: list[str] = []

    async def up(self) -> Bench:
        dut = self.dut
        for name in ("arvalid", "awvalid", "wvalid", "rready", "bready"):
            getattr(dut, f"{name}_i").value = 0
        if IS_NATIVE:
            library().restart()
            dut.wake_i.value = dut.time_skip_i.value = 0
            start_clock("clk_i", PERIOD_PS)
        else:
            Clock(dut.clk_i, PERIOD_PS, unit="ps").start()
        dut.rst_ni.value = 0
        await Timer(100, "ns")
        dut.rst_ni.value = 1
        await RisingEdge(dut.clk_i)
        self.memory: AxiMemory | NativeMemory
        if IS_NATIVE:
            self.memory = NativeMemory(library(), self.ram, Flat(), self._config, cocotb.RANDOM_SEED)
            self.memory.bus_master(True)
        else:
            self.memory = CatchingMemory(
                dut, dut.clk_i, self.ram, Flat().translate, self._config, cocotb.RANDOM_SEED
            )
            self.memory.broken = self._broken
        self.master = Master(dut)
        await ClockCycles(dut.clk_i, 3)
        return self

    def broken(self) -> list[str]:
        """What the model said that the master broke."""
        if IS_NATIVE:
            try:
                library().take()
            except NativeError as error:
                self._broken.append(str(error))
        return self._broken

    async def answered(self, *, reads: int = 0, writes: int = 0, timeout_us: int = 500) -> None:
        """Until that many bursts are, in all."""
        master = self.master

        async def until() -> None:
            while sum(beat.last for beat in master.beats) < reads or len(master.answers) < writes:
                await RisingEdge(self.dut.clk_i)

        await with_timeout(until(), timeout_us, "us")
        assert self.broken() == []

    def fill(self) -> None:
        self.ram.view[:] = self.random.randbytes(SIZE)

    def at(self, offset: int, count: int) -> bytes:
        return bytes(self.ram.slice(BASE + offset, count))


def bursts_of(beats: list[Beat]) -> list[list[Beat]]:
    """Beats by burst, in the order in which bursts ended."""
    open_, done = {}, []
    for beat in beats:
        open_.setdefault(beat.id, []).append(beat)
        if beat.last:
            done.append(open_.pop(beat.id))
    assert not open_
    return done


HOSTILE = {"latency_ns": 200, "latency_spread_ns": 600, "reorder": True, "backpressure": 0.3}


# ---------------------------------------------------------------- data and order
@cocotb.test()
@cocotb.parametrize(hostile=[False, True])
async def data_is_read_and_written_by_strobes(dut: Any, hostile: bool) -> None:
    """Against a copy of memory: bursts of 1 to 64 beats, the first and the last byte anywhere in theirs."""
    bench = await Bench(dut, **(HOSTILE if hostile else {})).up()
    bench.fill()
    random, expected = bench.random, bytearray(bench.ram.view)
    for number in range(60):
        beats = random.choice([1, 1, 2, random.randint(3, 64)])
        page = 0x1000 * number + random.randint(0, 256 - beats) * WIDTH
        data = random.randbytes(beats * WIDTH)
        first, end = random.randint(0, WIDTH - 1), len(data) - random.randint(0, WIDTH - 1)
        end = max(end, first + 1)
        run = (1 << end) - (1 << first)
        strobes = [run >> WIDTH * index & 0xFFFF for index in range(beats)]
        bench.master.write(random.randrange(4), BASE + page + random.randint(0, first), data, strobes)
        expected[page + first : page + end] = data[first:end]
    await bench.answered(writes=60)
    assert bytes(bench.ram.view) == bytes(expected)
    asked: dict[int, deque[bytes]] = {ident: deque() for ident in range(4)}
    for _ in range(60):
        beats, ident = random.choice([1, 2, random.randint(3, 64)]), random.randrange(4)
        start = 0x1000 * random.randrange(256) + random.randint(0, 256 - beats) * WIDTH
        bench.master.read(ident, BASE + start + random.randrange(WIDTH), beats)
        asked[ident].append(bytes(expected[start : start + beats * WIDTH]))
    await bench.answered(reads=60)
    for burst in bursts_of(bench.master.beats):
        assert b"".join(beat.data for beat in burst) == asked[burst[0].id].popleft(), "bursts of an ID keep their order"
        assert all(beat.response == OKAY for beat in burst)
    assert not any(asked.values()) and bench.memory.idle
    assert bench.memory.reads == bench.memory.writes == 60 and bench.memory.faults == 0


async def order_of(bench: Bench) -> tuple[list[int], list[int], bool]:
    """IDs of 40 reads and of 40 writes as they were answered, asked in turn; whether read data was interleaved."""
    for number in range(40):
        bench.master.read(number % 4, BASE, 8)
        bench.master.write(number % 4, BASE, bytes(WIDTH))
    await bench.answered(reads=40, writes=40)
    beats = bench.master.beats
    mixed = any(not one.last and one.id != other.id for one, other in pairwise(beats))
    return [beat.id for beat in beats if beat.last], [answer.id for answer in bench.master.answers], mixed


@cocotb.test()
async def ids_are_reordered_and_interleaved_when_told_so(dut: Any) -> None:
    bench = await Bench(dut, latency_ns=500, latency_spread_ns=500, reorder=True).up()
    reads, writes, mixed = await order_of(bench)
    in_turn = [number % 4 for number in range(40)]
    assert sorted(reads) == sorted(writes) == sorted(in_turn)
    assert reads != in_turn and writes != in_turn and mixed


@cocotb.test()
async def nothing_is_reordered_unless_told_so(dut: Any) -> None:
    bench = await Bench(dut, latency_ns=500, latency_spread_ns=500).up()
    in_turn = [number % 4 for number in range(40)]
    assert await order_of(bench) == (in_turn, in_turn, False)


# ---------------------------------------------------------------- time
def cycles(latency_ps: int) -> int:
    return -(-latency_ps // PERIOD_PS)


async def latencies(bench: Bench, count: int) -> tuple[list[int], list[int]]:
    """Of single reads and writes, one after another: from the address (or last data) to the first response, ps."""
    master, reads, writes = bench.master, [], []
    for number in range(count):
        beats = bench.random.randint(1, 4)
        master.read(0, BASE, beats)
        first = len(master.beats)
        await bench.answered(reads=number + 1)
        reads.append(master.beats[first].time_ps - master.seen["ar"].accepted[-1])
        master.write(0, BASE, bytes(WIDTH * beats))
        await bench.answered(writes=number + 1)
        writes.append(master.answers[-1].time_ps - master.seen["w"].accepted[-1])
    return reads, writes


@cocotb.test()
@cocotb.parametrize(latency_ns=[0, 1, 64, 65, 1000])
async def latency_is_kept_to_the_cycle(dut: Any, latency_ns: int) -> None:
    """An answer is on the pins with the first clock edge after its time, and taken with the next."""
    bench = await Bench(dut, latency_ns=latency_ns).up()
    reads, writes = await latencies(bench, 5)
    # A task of cocotb's that is woken in one cycle drives pins in the next.
    wanted = (max(cycles(latency_ns * 1000), 0 if IS_NATIVE else 1) + 1) * PERIOD_PS
    assert set(reads + writes) == {wanted}, (wanted, reads, writes)


@cocotb.test()
async def latency_is_spread_over_all_that_was_told(dut: Any) -> None:
    bench = await Bench(dut, latency_ns=200, latency_spread_ns=1000).up()
    for found in await latencies(bench, 40):
        assert all(200_000 <= one <= 1_200_000 + 3 * PERIOD_PS for one in found)
        assert min(found) < 400_000 and max(found) > 1_000_000


@cocotb.test()
async def bursts_are_pipelined(dut: Any) -> None:
    """Sixteen at once take one latency and their beats."""
    bench = await Bench(dut, latency_ns=5000).up()
    begin = now_ps()
    for number in range(16):
        bench.master.read(number % 4, BASE, 4)
        bench.master.write(number % 4, BASE + 0x1000, bytes(4 * WIDTH))
    await bench.answered(reads=16, writes=16)
    assert now_ps() - begin < 5_000_000 + 100 * PERIOD_PS
    most = bench.memory.most_outstanding
    assert most["read"] == most["write"] == 16


@cocotb.test()
async def bandwidth_is_kept_in_each_direction(dut: Any) -> None:
    """8 Gbit/s is a byte each nanosecond: 64 KiB take 65.5 us, less what the last burst may still cost."""
    bench = await Bench(dut, bandwidth_gbps=8.0).up()
    begin = now_ps()
    for number in range(64):
        bench.master.read(0, BASE + 1024 * number, 64)
        bench.master.write(0, BASE + 1024 * number, bytes(1024))
    await bench.answered(reads=64, writes=64)
    for last in (bench.master.beats[-1].time_ps, bench.master.answers[-1].time_ps):
        assert 63 * 1_024_000 <= last - begin <= 66 * 1_024_000


@cocotb.test()
async def without_a_limit_a_beat_moves_in_every_cycle(dut: Any) -> None:
    bench = await Bench(dut, latency_ns=100).up()
    for number in range(32):
        bench.master.read(number % 4, BASE + 1024 * number, 64)
        bench.master.write(number % 4, BASE + 1024 * number, bytes(1024))
    await bench.answered(reads=32, writes=32)
    times = [beat.time_ps for beat in bench.master.beats]
    assert times[-1] - times[0] == (len(times) - 1) * PERIOD_PS
    assert all(seen.withheld == 0 for seen in bench.master.seen.values())


@cocotb.test()
async def backpressure_withholds_its_share_on_every_channel(dut: Any) -> None:
    bench = await Bench(dut, backpressure=0.4).up()
    for number in range(300):
        bench.master.read(number % 4, BASE, 2)
        bench.master.write(number % 4, BASE, bytes(WIDTH * 2))
    await bench.answered(reads=300, writes=300)
    for name, seen in bench.master.seen.items():
        assert 0.3 < seen.share < 0.5, (name, seen.share)
    # Long bursts, and many single answers at once: then only back-pressure makes a gap.
    bench.master.beats.clear()
    for _ in range(4):
        bench.master.read(0, BASE, 256)
    await bench.answered(reads=4)
    times = [beat.time_ps for beat in bench.master.beats]
    taken = (times[-1] - times[0]) // PERIOD_PS
    assert 0.3 < 1 - (len(times) - 1) / taken < 0.5, f"{len(times)} beats in {taken} cycles"


@cocotb.test()
async def answers_are_withheld_too(dut: Any) -> None:
    """Writes that come every few cycles, each answered alone: their answers come after 0, 1, 2 ... further cycles."""
    bench = await Bench(dut, backpressure=0.4).up()
    waited = []
    for number in range(150):
        bench.master.write(0, BASE, bytes(WIDTH))
        await bench.answered(writes=number + 1)
        complete = max(bench.master.seen[name].accepted[-1] for name in ("aw", "w"))
        waited.append((bench.master.answers[-1].time_ps - complete) // PERIOD_PS)
        await ClockCycles(bench.dut.clk_i, 4)
    extra = [cycles_ - min(waited) for cycles_ in waited]
    mean = sum(extra) / len(extra)
    assert 0.35 < mean < 1.1, f"{mean} cycles, 0.67 expected"
    assert max(extra) >= 2


# ---------------------------------------------------------------- the moment of the answer
@cocotb.test()
async def memory_is_read_and_written_at_the_time_of_the_answer(dut: Any) -> None:
    bench = await Bench(dut, latency_ns=1000).up()
    bench.ram.slice(BASE, 32)[:] = b"a" * 32
    bench.master.read(0, BASE, 1)
    bench.master.write(0, BASE + 16, b"w" * 16)
    await Timer(900, "ns")
    assert not bench.memory.idle and bench.at(16, 16) == b"a" * 16
    bench.ram.slice(BASE, 32)[:] = b"b" * 32
    await bench.answered(reads=1, writes=1)
    assert bench.master.beats[0].data == b"b" * 16 and bench.at(0, 32) == b"b" * 16 + b"w" * 16
    assert bench.memory.idle


@cocotb.test()
async def data_may_come_before_its_address(dut: Any) -> None:
    bench = await Bench(dut).up()
    bench.master.write(3, BASE, b"x" * 48)
    address = bench.master.queues["aw"].pop()
    await Timer(200, "ns")
    assert not bench.master.answers and not bench.memory.idle
    bench.master.queues["aw"].append(address)
    await bench.answered(writes=1)
    assert bench.at(0, 48) == b"x" * 48 and bench.master.answers[0].id == 3


# ---------------------------------------------------------------- errors
@cocotb.test()
async def planned_errors_hit_the_burst_that_was_meant(dut: Any) -> None:
    """Every beat says so, nothing moves, and the next one like it is answered as always."""
    bench = await Bench(dut, latency_ns=50).up()
    bench.fill()
    before = bytes(bench.ram.view)
    reads, writes = [OKAY, SLVERR, OKAY, DECERR, OKAY], [SLVERR, DECERR, OKAY, OKAY, OKAY]
    for write, responses in ((False, reads), (True, writes)):
        for ident, code in enumerate(responses[:4]):
            if code != OKAY:
                bench.memory.fail_next(write=write, response=code, match=lambda burst, ident=ident: burst.id == ident)
    for number in range(5):
        bench.master.read(number % 4, BASE + 64 * number, 2)
        bench.master.write(number % 4, BASE + 0x2000 + 64 * number, bytes(32))
    bench.master.read(1, BASE, 1)
    bench.master.write(1, BASE + 0x3000, bytes(16))
    await bench.answered(reads=6, writes=6)
    assert [beat.response for beat in bench.master.beats] == [code for code in reads for _ in range(2)] + [OKAY]
    assert [answer.response for answer in bench.master.answers] == [*writes, OKAY]
    for number, code in enumerate(writes):
        at = 0x2000 + 64 * number
        assert bench.at(at, 32) == (bytes(32) if code == OKAY else before[at : at + 32])
    assert bench.memory.faults == 0


@cocotb.test()
async def outside_memory_there_is_nobody(dut: Any) -> None:
    bench = await Bench(dut).up()
    for address in (BASE - 16, BASE + SIZE, 0, 1 << 62):
        bench.master.read(0, address, 1)
        bench.master.write(0, address, bytes(16))
    await bench.answered(reads=4, writes=4)
    assert {beat.response for beat in bench.master.beats + bench.master.answers} == {DECERR}
    assert bench.memory.faults == 8 and all(beat.data == bytes(16) for beat in bench.master.beats)


BROKEN: dict[str, tuple[Callable[[Master], None], str]] = {
    "read over 4 KiB": (lambda m: m.read(0, BASE + 0xFF0, 2), "crosses a 4 KiB boundary"),
    "write over 4 KiB": (lambda m: m.write(0, BASE + 0xFF8, bytes(32)), "crosses a 4 KiB boundary"),
    "FIXED": (lambda m: m.read(0, BASE, 2, kind=0), "burst type 0"),
    "WRAP": (lambda m: m.write(0, BASE, bytes(32), kind=2), "burst type 2"),
    "narrow": (lambda m: m.read(0, BASE, 2, size=3), "8-byte beats"),
    "WLAST too early": (lambda m: m.write(0, BASE, bytes(32), beats=3), "AWLEN says 3 beats, WLAST came with beat 2"),
    "WLAST too late": (lambda m: m.write(0, BASE, bytes(48), beats=2), "AWLEN says 2 beats, WLAST came with beat 3"),
    "hole in a beat": (lambda m: m.write(0, BASE, bytes(16), [0xFF7F]), "hole"),
    "hole between beats": (lambda m: m.write(0, BASE, bytes(32), [0x7FFF, 0xFFFF]), "hole"),
    "strobe below the address": (lambda m: m.write(0, BASE + 4, bytes(16), [0xFFF8]), "below the address"),
}
LEGAL: dict[str, Callable[[Master], None]] = {
    "up to 4 KiB": lambda m: m.read(0, BASE + 0xFE8, 2),
    "a page": lambda m: m.write(0, BASE, bytes(4096)),
    "strobes from the address": lambda m: m.write(0, BASE + 4, bytes(32), [0xFFF0, 0x00FF]),
    "no strobe at all": lambda m: m.write(0, BASE, bytes(16), [0]),
}


@cocotb.test()
@cocotb.parametrize(rule=list(BROKEN))
async def a_broken_rule_is_told(dut: Any, rule: str) -> None:
    bench = await Bench(dut).up()
    act, says = BROKEN[rule]
    act(bench.master)
    await ClockCycles(dut.clk_i, 20)
    told = bench.broken()
    assert len(told) == 1 and says in told[0], told


@cocotb.test()
@cocotb.parametrize(what=list(LEGAL))
async def what_is_allowed_is_not_told(dut: Any, what: str) -> None:
    bench = await Bench(dut).up()
    LEGAL[what](bench.master)
    await ClockCycles(dut.clk_i, 300)
    assert bench.broken() == [] and bench.memory.idle
    assert len(bench.master.beats) + len(bench.master.answers) > 0


MODELS = {
    "axi": Design("axi_pins", (HERE / "axi_pins.sv",)),
    "native": Design("native_pins_tb", (NATIVE_HOST[0], HERE / "native_pins_tb.sv"), native=NATIVE),
}


@pytest.mark.filterwarnings("ignore::DeprecationWarning:cocotb_tools")
@pytest.mark.parametrize("model", MODELS)
def test_axi_memory(model: str, tmp_path: Path) -> None:
    result = simulate(
        MODELS[model], "tests.hdl.host.test_axi_memory", folder=tmp_path, environment={"NICOSIM_TEST_HOST": model}
    )
    assert result.passed == 33
