# SPDX-License-Identifier: MIT
"""Both hosts against a small copying device: data, order, latency, errors, and what the pump promises.

The cases run twice, on AxiHost with AxiMemory and on NativeHost with the compiled models.
"""

from __future__ import annotations

import gc
import os
import struct
import sys
from collections.abc import Generator, Sequence
from pathlib import Path
from random import Random
from typing import Any

import cocotb
import pytest
from cocotb.clock import Clock
from cocotb.triggers import Event, RisingEdge, Timer, with_timeout

from driver.host import ConfigRead, ConfigWrite, IrqLevel, MmioRead, MmioWrite, ReadDone, Request
from driver.host import Event as HostEvent
from sim.config import HostConfig
from sim.host.axi import AxiHost
from sim.host.axi_memory import DECERR, SLVERR, Burst, BurstScheduler
from sim.host.memory import HostMemory
from sim.host.native import NativeHost
from sim.host.simtime import now_ps
from sim.launch import NATIVE, NATIVE_HOST
from sim.native.library import library
from sim.native.serve import start_clock
from sim.runner import Design, simulate

HERE = Path(__file__).parent
PERIOD_NS = 6.4
IS_NATIVE = os.environ.get("NICOSIM_TEST_HOST") == "native"
BASE = 0x1_2340_0000  # host memory above 4 GiB
IOVA = 0x7_0000_0000  # bus addresses differ from physical ones
SOURCE, TARGET = 0x10_000, 0x20_000
TABLE = 0x80_000
STATUS, WRITES, SCRATCH = 0x18, 0x1C, 0x20
SLOT_BITS = 17
CARD_READS, CARD_WRITES, CARD_DOES_BOTH = 1, 2, 3
Script = Generator[Request, int | None, None]


class ScriptedKernel:
    """The least that can be pumped: runs a script of requests, notes interrupt levels and the order of events."""

    def __init__(self) -> None:
        self.deadline_ns: int | None = None
        self.events: list[HostEvent] = []
        self.steps = 0
        self.finished = Event()
        self._script: Script | None = None

    def run(self, script: Script) -> None:
        self._script, self._answer = script, None
        self.finished.clear()

    def step(self, now_ns: int, events: Sequence[HostEvent]) -> Sequence[Request]:
        self.steps += 1
        self.events += events
        answers: list[int | None] = [event.value for event in events if isinstance(event, ReadDone)]
        if self._script is None or (self._waits_for_read and not answers):
            return []
        return self._advance(answers[0] if answers else None)

    _waits_for_read = False

    def _advance(self, answer: int | None) -> list[Request]:
        requests: list[Request] = []
        assert self._script is not None
        while True:
            try:
                request = self._script.send(answer)
            except StopIteration:
                self._script, self._waits_for_read = None, False
                self.finished.set()
                return requests
            requests.append(request)
            answer = None
            if isinstance(request, MmioRead | ConfigRead):
                self._waits_for_read = True
                return requests


class Table:
    """An IOMMU's table, in memory as driver/host.py describes it, and what was refused.

    The first 256 KiB of bus addresses are the first 256 KiB of memory; `map` makes more of it.
    """

    iova_base, slots, beat_bytes, address = IOVA, 8, 16, BASE + TABLE

    def __init__(self, ram: HostMemory) -> None:
        self._ram = ram
        self.refused: list[tuple[int, int, bool]] = []
        for slot in range(2):
            self.map(slot, BASE + (slot << SLOT_BITS), 1 << SLOT_BITS, CARD_DOES_BOTH)

    def map(self, slot: int, physical: int, nbytes: int, direction: int) -> int:
        """The bus address."""
        self._ram.slice(self.address + 32 * slot, 32)[:] = struct.pack("<4Q", physical, nbytes, direction, 1)
        return self.iova_base + (slot << SLOT_BITS) + physical % 4096

    def translate(self, iova: int, nbytes: int, is_write: bool) -> int | None:
        slot = (iova - self.iova_base) >> SLOT_BITS
        if 0 <= slot < self.slots:
            physical, size, direction, _ = struct.unpack("<4Q", self._ram.slice(self.address + 32 * slot, 32))
            offset = iova - (self.iova_base + (slot << SLOT_BITS) + physical % 4096)
            over = not is_write and (iova + nbytes - 1) // 16 == (iova - offset + size - 1) // 16
            if offset >= 0 and (offset + nbytes <= size or over) and direction & (2 if is_write else 1):
                return int(physical) + offset
        self.fault(iova, nbytes, is_write)
        return None

    def fault(self, iova: int, nbytes: int, is_write: bool) -> None:
        self.refused.append((iova, nbytes, is_write))


class Bench:
    def __init__(self, dut: Any, config: HostConfig) -> None:
        self.dut = dut
        if IS_NATIVE:
            library().restart()
        self.host = (NativeHost if IS_NATIVE else AxiHost)(config, cocotb.RANDOM_SEED)
        self.kernel = ScriptedKernel()
        self.table = Table(self.host.ram)
        self.random = Random(cocotb.RANDOM_SEED)

    async def up(self) -> Bench:
        if IS_NATIVE:
            self.dut.wake_i.value = self.dut.time_skip_i.value = 0
            start_clock("clk_i", 6400)
        else:
            Clock(self.dut.clk_i, PERIOD_NS, unit="ns").start()
        self.dut.rst_ni.value = 0
        await Timer(100, "ns")
        self.dut.rst_ni.value = 1
        await RisingEdge(self.dut.clk_i)
        self.host.attach(self.dut, self.dut.clk_i, self.table)
        self.host.start(self.kernel)
        await self.run(iter_requests([ConfigWrite(0, 0, 4, 6, 2)]))
        return self

    async def run(self, script: Script) -> None:
        self.kernel.run(script)
        self.host.wake()
        await with_timeout(self.kernel.finished.wait(), 100, "us")

    def ram(self, offset: int, count: int) -> memoryview:
        return self.host.ram.slice(BASE + offset, count)

    async def copy(self, engine: int, source: int, target: int, beats: int) -> None:
        await self.run(copy_script(engine, IOVA + source, IOVA + target, beats))

    async def interrupt(self) -> int:
        """Wait for one and acknowledge it; returns the status register."""
        if not self.dut.intx_o.value:
            await with_timeout(RisingEdge(self.dut.intx_o), 200, "us")
        got: list[int] = []

        def acknowledge() -> Script:
            value = yield MmioRead(0, 0, 0, STATUS)
            assert value is not None
            got.append(value)

        await self.run(acknowledge())
        return got[0]


def iter_requests(requests: Sequence[Request]) -> Script:
    yield from requests


def copy_script(engine: int, source: int, target: int, beats: int) -> Script:
    for offset, value in enumerate((source & 0xFFFFFFFF, source >> 32, target & 0xFFFFFFFF, target >> 32, beats - 1)):
        yield MmioWrite(0, 0, 0, 4 * offset, value)
    yield MmioWrite(0, 0, 0, 0x14, engine)


def config(**changes: Any) -> HostConfig:
    return HostConfig(**{"memory_bytes": 1 << 20, "memory_base": BASE, **changes})


async def copy_rounds(bench: Bench, rounds: int) -> list[int]:
    """Random copies on all four engines at once; every byte is checked. Returns each round's first status."""
    firsts = []
    for _ in range(rounds):
        plan = []
        for engine in range(4):
            data = bench.random.randbytes(16 * bench.random.randint(1, 32))
            source, target = SOURCE + engine * 0x1000 + 16 * bench.random.randint(0, 31), TARGET + engine * 0x1000
            bench.ram(source, len(data))[:] = data
            bench.ram(target, len(data))[:] = bytes(len(data))
            plan.append((engine, source, target, data))
        for engine, source, target, data in plan:
            await bench.copy(engine, source, target, len(data) // 16)
        firsts.append(done := await bench.interrupt())
        while done != 0b1111:
            done |= await bench.interrupt()
        for _, _, target, data in plan:
            assert bytes(bench.ram(target, len(data))) == data
    assert bench.host.dma.reads == bench.host.dma.writes == 4 * rounds and bench.host.dma.faults == 0
    assert bench.host.dma.idle and bench.host.dma.most_outstanding["read"] > 1
    return firsts


@cocotb.test()
async def copies_arrive_in_any_order(dut: Any) -> None:
    settings = config(latency_ns=1000, latency_spread_ns=3000, reorder=True, backpressure=0.3)
    firsts = await copy_rounds(await Bench(dut, settings).up(), 16)
    assert any(not status & 1 for status in firsts), "the engine that was started first was always answered first"


@cocotb.test()
async def copies_arrive_in_order_when_told_so(dut: Any) -> None:
    settings = config(latency_ns=1000, latency_spread_ns=3000, reorder=False, bandwidth_gbps=8.0)
    firsts = await copy_rounds(await Bench(dut, settings).up(), 8)
    assert all(status & 1 for status in firsts)


@cocotb.test()
async def bursts_of_one_id_keep_their_order(dut: Any) -> None:
    """Whatever is ready first: of each ID only the oldest burst may be answered."""
    scheduler = BurstScheduler(config(reorder=True), Random(cocotb.RANDOM_SEED))
    late, early = now_ps() + 10**6, now_ps()
    bursts = [Burst(ident, 0, 16, 1, ready) for ident, ready in ((1, late), (1, early), (2, early), (2, early))]
    for burst in bursts:
        scheduler.add(burst)
    assert scheduler.take_ready() == [bursts[2]]
    scheduler.remove(bursts[2])
    assert scheduler.take_ready() == [bursts[3]]
    await Timer(1, "us")
    assert sorted(burst.id for burst in scheduler.take_ready()) == [1, 2]
    assert bursts[0] in scheduler.take_ready() and bursts[1] not in scheduler.take_ready()


@cocotb.test()
async def latency_is_kept_and_pipelined(dut: Any) -> None:
    """Four copies started together take hardly longer than one; one takes two latencies and some cycles."""
    bench = await Bench(dut, config(latency_ns=5000)).up()
    begin = now_ps()
    await bench.copy(0, SOURCE, TARGET, 4)
    assert await bench.interrupt() == 1
    one = now_ps() - begin
    assert 10_000_000 < one < 10_600_000
    begin = now_ps()
    for engine in range(4):
        await bench.copy(engine, SOURCE, TARGET + engine * 0x1000, 4)
    done = 0
    while done != 15:
        done |= await bench.interrupt()
    assert now_ps() - begin < one + 2_000_000


@cocotb.test()
async def writes_land_only_with_their_response(dut: Any) -> None:
    """Memory is untouched as long as the write is unanswered, and unaligned starts write exactly their bytes."""
    bench = await Bench(dut, config(latency_ns=5000)).up()
    bench.ram(SOURCE, 64)[:] = bytes(range(64))
    bench.ram(TARGET, 80)[:] = b"\xee" * 80
    await bench.copy(1, SOURCE, TARGET + 5, 3)
    await Timer(9, "us")
    assert bytes(bench.ram(TARGET, 80)) == b"\xee" * 80
    assert await bench.interrupt() == 2
    assert bytes(bench.ram(TARGET, 80)) == b"\xee" * 5 + bytes(range(5, 48)) + b"\xee" * 32


@cocotb.test()
async def faults_and_errors_are_answered(dut: Any) -> None:
    """Unmapped addresses, planned errors and a disabled bus master each end in an error response, and move nothing."""
    bench = await Bench(dut, config()).up()
    bench.ram(TARGET, 16)[:] = b"\xee" * 16
    await bench.copy(0, 0x50_000, TARGET, 1)
    assert await bench.interrupt() == 0x10
    assert bench.table.refused == [(IOVA + 0x50_000, 1, False)]
    await bench.copy(1, SOURCE, 0x3FFF8, 1)  # strobes reach from 8 bytes below the end to it: allowed
    assert await bench.interrupt() == 0x02
    await bench.copy(1, SOURCE, 0x40_000, 1)
    assert await bench.interrupt() == 0x20
    assert bench.table.refused[1:] == [(IOVA + 0x40_000, 16, True)]
    assert bench.host.dma.faults == 2
    for write, response in ((False, SLVERR), (True, SLVERR), (True, DECERR)):
        bench.host.dma.fail_next(write=write, response=response, match=lambda burst: burst.id == 2)
        await bench.copy(3, SOURCE, TARGET + 0x1000, 2)
        assert await bench.interrupt() == 0x08
        await bench.copy(2, SOURCE, TARGET, 1)
        assert await bench.interrupt() == 0x40
    await bench.run(iter_requests([ConfigWrite(0, 0, 4, 2, 2)]))
    await bench.copy(2, SOURCE, TARGET, 1)
    assert await bench.interrupt() == 0x40
    assert bytes(bench.ram(TARGET, 16)) == b"\xee" * 16


@cocotb.test()
async def interrupt_level_comes_before_the_read_that_changed_it(dut: Any) -> None:
    bench = await Bench(dut, config(latency_ns=50)).up()
    await bench.copy(0, SOURCE, TARGET, 1)
    await bench.interrupt()
    await Timer(1, "us")
    assert bench.kernel.events == [IrqLevel(0, True), IrqLevel(0, False), ReadDone(0, 1)]


@cocotb.test()
async def an_interrupt_is_told_at_once(dut: Any) -> None:
    """Whatever else may wait to be told with others: the kernel is stepped within two cycles of the line's change."""
    bench = await Bench(dut, config(latency_ns=50)).up()
    if IS_NATIVE:
        library().batch(5_000_000)
    step, told = bench.kernel.step, []

    def noting(now_ns: int, events: Sequence[HostEvent]) -> Sequence[Request]:
        told.extend((now_ns, event) for event in events)
        return step(now_ns, events)

    bench.kernel.step = noting  # type: ignore[method-assign]
    await bench.copy(0, SOURCE, TARGET, 1)
    await RisingEdge(dut.intx_o)
    rose_ns = now_ps() / 1000
    await Timer(1, "us")
    ((told_ns, event),) = told
    assert event == IrqLevel(0, True) and told_ns <= rose_ns + 2 * PERIOD_NS


@cocotb.test()
async def intx_disable_holds_the_line(dut: Any) -> None:
    bench = await Bench(dut, config(latency_ns=50)).up()
    await bench.run(iter_requests([ConfigWrite(0, 0, 4, 0x406, 2)]))
    await bench.copy(0, SOURCE, TARGET, 1)
    await Timer(2, "us")
    assert dut.intx_o.value and bench.kernel.events == []
    assert bench.host.function.config_read(6, 2) & 8
    await bench.run(iter_requests([ConfigWrite(0, 0, 4, 0x006, 2)]))
    await Timer(100, "ns")
    assert bench.kernel.events == [IrqLevel(0, True)]


class Observer:
    """A BusObserver."""

    def __init__(self) -> None:
        self.accesses: list[tuple[str, int, int]] = []
        self.bursts: list[tuple[bool, int, int, int, int]] = []
        self.levels: list[tuple[int, bool]] = []

    def mmio_write(self, now_ns: int, offset: int, value: int) -> None:
        self.accesses.append(("write", offset, value))

    def mmio_read(self, begin_ns: int, end_ns: int, offset: int, value: int) -> None:
        assert begin_ns < end_ns <= now_ps() // 1000
        self.accesses.append(("read", offset, value))

    def dma(self, write: bool, iova: int, nbytes: int, begin_ns: int, end_ns: int) -> None:
        # The compiled models tell in batches.
        assert end_ns <= now_ps() // 1000 if IS_NATIVE else end_ns == now_ps() // 1000
        self.bursts.append((write, iova, nbytes, begin_ns, end_ns))

    def interrupt(self, now_ns: int, asserted: bool) -> None:
        self.levels.append((now_ns, asserted))


@cocotb.test()
async def an_observer_hears_of_accesses_bursts_and_the_interrupt(dut: Any) -> None:
    """Bursts in any order, each with its own time; a read ends with its last beat."""
    bench = Bench(dut, config(latency_ns=1000, latency_spread_ns=3000, reorder=True))
    bench.host.observer = observer = Observer()
    await bench.up()
    for engine in range(4):
        await bench.copy(engine, SOURCE + engine * 0x1000, TARGET + engine * 0x1000 + 5, 20 + engine)
    done = 0
    while done != 0b1111:
        done |= await bench.interrupt()
    copied = [(engine * 0x1000, 16 * (20 + engine)) for engine in range(4)]
    reads = {told[1:3] for told in observer.bursts if not told[0]}
    assert reads == {(IOVA + SOURCE + offset, nbytes) for offset, nbytes in copied}
    writes = {told[1:3] for told in observer.bursts if told[0]}
    assert writes == {(IOVA + TARGET + offset + 5, nbytes - 5) for offset, nbytes in copied}
    for write, _, nbytes, begin_ns, end_ns in observer.bursts:
        data_ns = 0 if write else nbytes // 16 * 6.4
        assert end_ns - begin_ns >= 1000 + data_ns - 7
    assert ("write", 0x14, 3) in observer.accesses
    accesses = [access[:2] for access in observer.accesses if access[0] == "read"]
    # The line need not fall between two of them: another engine may end with the clock in which it is read.
    assert set(accesses) == {("read", STATUS)} and 1 <= sum(level for _, level in observer.levels) <= len(accesses)


@cocotb.test()
async def idle_time_runs_no_python(dut: Any) -> None:
    """A millisecond without work steps the kernel not once; a deadline steps it once, in time."""
    bench = await Bench(dut, config()).up()
    await Timer(1, "us")
    before, calls = bench.kernel.steps, 0

    def count(*_: object) -> None:
        nonlocal calls
        calls += 1

    gc.collect()  # what earlier cases left is not to end in here
    sys.setprofile(count)
    await Timer(1, "ms")
    sys.setprofile(None)
    assert bench.kernel.steps == before
    assert calls < 200, f"{calls} Python calls in 156250 idle cycles"
    deadline = now_ps() // 1000 + 500_000
    bench.kernel.deadline_ns = deadline
    bench.host.wake()
    await Timer(PERIOD_NS, "ns")
    assert bench.kernel.steps == before + 1
    seen = []
    step = bench.kernel.step

    def noting(now_ns: int, events: Sequence[HostEvent]) -> Sequence[Request]:
        seen.append(now_ns)
        bench.kernel.deadline_ns = None
        return step(now_ns, events)

    bench.kernel.step = noting  # type: ignore[method-assign]
    await Timer(1, "ms")
    assert len(seen) == 1 and deadline <= seen[0] <= deadline + PERIOD_NS


@cocotb.test()
async def absent_registers_read_all_ones(dut: Any) -> None:
    bench = await Bench(dut, config()).up()
    got: list[int | None] = []

    def probe() -> Script:
        got.append((yield MmioRead(0, 0, 0, 0x40)))
        got.append((yield MmioRead(0, 0, 1, 0x40)))
        yield ConfigWrite(0, 0, 4, 0, 2)
        got.append((yield MmioRead(0, 0, 0, 0x40)))

    await bench.run(probe())
    assert got == [0xDEADBEEF, 0xFFFFFFFF, 0xFFFFFFFF]


@cocotb.test()
async def the_iommu_tells_address_size_and_direction(dut: Any) -> None:
    """Against the direction, below the start, over the end, where nothing is mapped, outside the window."""
    bench = await Bench(dut, config(latency_ns=0)).up()
    table, memory = bench.table, BASE + 0x60_000
    source = table.map(3, memory + 0x30, 0x108, CARD_READS)
    target = table.map(4, memory + 0x1030, 0x108, CARD_WRITES)
    tight_source = table.map(6, memory + 0x2000, 0x100, CARD_READS)
    tight_target = table.map(7, memory + 0x3000, 0xFF, CARD_WRITES)
    nowhere = IOVA + (5 << SLOT_BITS)
    cases = [
        (source, target, 1, 0x1, None),
        (source + 0xF0, target + 0xE0, 2, 0x1, None),  # the read runs over the end, but within a beat
        (source + 0x108, target, 1, 0x1, None),  # so does this one, all of it
        (tight_source, target, 16, 0x1, None),
        (tight_source, target, 17, 0x10, (tight_source, 257, False)),  # by a byte
        (source, tight_target, 15, 0x1, None),
        (source, tight_target, 16, 0x10, (tight_target, 256, True)),  # by a byte
        (source, target + 8, 16, 0x1, None),  # the very last byte
        (target, target, 3, 0x10, (target, 33, False)),
        (source, source, 3, 0x10, (source, 48, True)),
        (source - 16, target, 1, 0x10, (source - 16, 1, False)),
        (source, target - 16, 1, 0x10, (target - 16, 16, True)),
        (source + 0xF0, target, 3, 0x10, (source + 0xF0, 33, False)),
        (source, target + 0x10, 16, 0x10, (target + 0x10, 256, True)),
        (nowhere, target, 1, 0x10, (nowhere, 1, False)),
        (source, IOVA + (8 << SLOT_BITS), 1, 0x10, (IOVA + (8 << SLOT_BITS), 16, True)),
        (IOVA - 16, target, 1, 0x10, (IOVA - 16, 1, False)),
    ]
    for begin, end, beats, status, refused in cases:
        table.refused.clear()
        await bench.run(copy_script(0, begin, end, beats))
        assert await bench.interrupt() == status, f"{begin:#x} to {end:#x}, {beats} beats"
        assert table.refused == ([refused] if refused else []), f"{begin:#x} to {end:#x}, {beats} beats"


@cocotb.test()
async def posted_writes_are_done_in_order_before_a_read(dut: Any) -> None:
    bench = await Bench(dut, config()).up()
    got: list[int | None] = []

    def script() -> Script:
        for number in range(200):
            yield MmioWrite(0, 0, 0, SCRATCH + 4 * (number % 4), number)
        for offset in (WRITES, SCRATCH, SCRATCH + 12):
            got.append((yield MmioRead(0, 0, 0, offset)))

    await bench.run(script())
    assert got == [200, 196, 199] and bench.host.mmio_writes == 200 and bench.host.mmio_reads == 3


@cocotb.test()
async def parts_of_a_register_are_written_and_read(dut: Any) -> None:
    bench = await Bench(dut, config()).up()
    got: list[int | None] = []

    def script() -> Script:
        yield MmioWrite(0, 0, 0, SCRATCH, 0x44332211)
        yield MmioWrite(0, 0, 0, SCRATCH + 1, 0xAA, 1)
        yield MmioWrite(0, 0, 0, SCRATCH + 2, 0xCCBB, 2)
        for offset, size in ((0, 4), (0, 1), (1, 1), (3, 1), (2, 2), (0, 2)):
            got.append((yield MmioRead(0, 0, 0, SCRATCH + offset, size)))

    await bench.run(script())
    assert got == [0xCCBBAA11, 0x11, 0xAA, 0xCC, 0xCCBB, 0xAA11]


@cocotb.test()
async def configuration_accesses_keep_their_place_among_register_accesses(dut: Any) -> None:
    """Writes before memory is switched off are done, those while it is off are lost, and what is read fits."""
    bench = await Bench(dut, config()).up()
    got: list[int | None] = []

    def script() -> Script:
        yield MmioWrite(0, 0, 0, SCRATCH, 1)
        yield ConfigWrite(0, 0, 4, 4, 2)
        yield MmioWrite(0, 0, 0, SCRATCH, 2)
        got.append((yield ConfigRead(0, 0, 4, 2)))
        got.append((yield MmioRead(0, 0, 0, SCRATCH)))
        yield ConfigWrite(0, 0, 4, 6, 2)
        yield MmioWrite(0, 0, 0, SCRATCH + 4, 3)
        got.append((yield ConfigRead(0, 0, 4, 2)))
        got.append((yield MmioRead(0, 0, 0, SCRATCH)))
        got.append((yield MmioRead(0, 0, 0, SCRATCH + 4)))
        got.append((yield MmioRead(0, 0, 0, WRITES)))

    await bench.run(script())
    assert got == [4, 0xFFFFFFFF, 6, 1, 3, 2]


@cocotb.test()
async def a_configuration_write_waits_for_the_register_writes_before_it(dut: Any) -> None:
    """Bus mastering ends behind the doorbell, not before it: what the doorbell started is refused only then."""
    bench = await Bench(dut, config(latency_ns=0)).up()
    levels: list[bool] = []
    switched_off = ConfigWrite(0, 0, 4, 2, 2)
    configure = bench.host._configure

    def noting(request: Any) -> int | None:
        if request == switched_off:
            levels.append(bool(dut.intx_o.value))
        return configure(request)

    bench.host._configure = noting  # type: ignore[method-assign]

    def script() -> Script:
        yield from copy_script(0, IOVA + SOURCE, IOVA + TARGET, 1)
        for _ in range(50):
            yield MmioWrite(0, 0, 0, SCRATCH, 0)
        yield switched_off

    await bench.run(script())
    await Timer(2, "us")
    await bench.run(iter_requests([ConfigWrite(0, 0, 4, 6, 2)]))
    assert await bench.interrupt() == 1, "the copy was over long before the last write"
    assert levels == [True]


HOSTS = {
    "axi": Design("dma_copy", (HERE / "dma_copy.sv",)),
    "native": Design(
        "native_copy_tb", (*NATIVE_HOST, HERE / "dma_copy.sv", HERE / "native_copy_tb.sv"), native=NATIVE
    ),
}


@pytest.mark.filterwarnings("ignore::DeprecationWarning:cocotb_tools")
@pytest.mark.parametrize("host", HOSTS)
def test_axi_host(host: str, tmp_path: Path) -> None:
    result = simulate(
        HOSTS[host], "tests.hdl.host.test_axi_host", folder=tmp_path, environment={"NICOSIM_TEST_HOST": host}
    )
    assert result.passed == 17
