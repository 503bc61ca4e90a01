# SPDX-License-Identifier: MIT
"""ICR, IMS, IAM, ITR, the delays and the line: what is set, what is cleared, when the line moves, to the cycle."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import cocotb

from driver.e1000e.regs import CTRL_EXT, IAM, ICR, ICS, IMC, IMS, ITR, RADV, RDTR, TADV, TIDV
from sim.runner import simulate
from tests.hdl.csr.csr_bench import CsrBench, design

CYCLES_256NS = 40
CYCLES_1024NS = 160
RXT0 = ICR.RXT0 | ICR.RXQ0
TXDW = ICR.TXDW | ICR.TXQ0


async def read_twice(bench: CsrBench) -> tuple[int, int]:
    return await bench.read(ICR), await bench.read(ICR)


@cocotb.test()
async def events_set_their_causes(dut: Any) -> None:
    bench = await CsrBench(dut).start()
    expected = {
        "txdw": TXDW,
        "txqe": ICR.TXQE,
        "rxt0": RXT0,
        "rxdmt0": ICR.RXDMT0 | ICR.RXQ0,
        "rxo": ICR.RXO | ICR.OTHER,
        "txdw_ide": TXDW,
        "txd_low": ICR.TXD_LOW,
    }
    for name, causes in expected.items():
        await bench.event(**{name: 1})
        await bench.cycles(2)
        assert await read_twice(bench) == (causes, 0), name
    await bench.event(txdw=1, rxt0=1)
    await bench.cycles(2)
    assert await bench.read(ICR) == TXDW | RXT0


@cocotb.test()
async def line_follows_enabled_causes_only(dut: Any) -> None:
    bench = await CsrBench(dut).start()
    await bench.write(IMS, ICR.TXDW)
    await bench.event(rxt0=1)
    await bench.cycles(8)
    assert not int(dut.intx_o.value)
    await bench.write(IMS, ICR.RXT0)
    await bench.cycles(3)
    assert int(dut.intx_o.value)
    await bench.write(IMC, ICR.RXT0)
    await bench.cycles(1)
    assert not int(dut.intx_o.value)
    await bench.write(ICS, ICR.TXDW)
    await bench.cycles(3)
    assert int(dut.intx_o.value)
    await bench.write(ICR, ICR.TXDW)
    await bench.cycles(1)
    assert not int(dut.intx_o.value)
    assert await bench.read(ICR) == RXT0  # neither asserted nor ...


@cocotb.test()
async def reading_clears_when_asserted_or_all_masked(dut: Any) -> None:
    bench = await CsrBench(dut).start()
    await bench.event(rxt0=1)
    await bench.cycles(3)
    assert await read_twice(bench) == (RXT0, 0), "no cause is enabled"

    await bench.write(IMS, ICR.TXDW)
    await bench.event(rxt0=1)
    await bench.cycles(3)
    assert await read_twice(bench) == (RXT0, RXT0), "a cause is enabled, but no interrupt is asserted"

    await bench.event(txdw=1)
    await bench.cycles(3)
    assert await read_twice(bench) == (RXT0 | TXDW | ICR.INT_ASSERTED, 0), "an interrupt is asserted"


@cocotb.test()
async def acknowledging_masks_what_iam_says(dut: Any) -> None:
    bench = await CsrBench(dut).start()
    await bench.write(IAM, ICR.RXT0 | ICR.TXDW)
    for iame in (0, CTRL_EXT.IAME):
        for by_write in (False, True):
            await bench.write(CTRL_EXT, iame)
            await bench.write(IMS, ICR.RXT0 | ICR.LSC)
            await (bench.write(ICR, ICR.TXQE) if by_write else bench.read(ICR))
            assert await bench.read(IMS) == ICR.RXT0 | ICR.LSC, "nothing is asserted: nothing is masked"
            await bench.event(rxt0=1)
            await bench.cycles(3)
            await (bench.write(ICR, RXT0) if by_write else bench.read(ICR))
            assert await bench.read(IMS) == (ICR.LSC if iame else ICR.RXT0 | ICR.LSC)
            assert not int(dut.intx_o.value)


async def race(bench: CsrBench, offset: int, by_write: bool, enabled: bool) -> tuple[int, int, int]:
    """One event, `offset` cycles after a clearing access starts: (first read or 0, read afterwards, event's cycle)."""
    await bench.write(IMC, IMC.ALL)
    await bench.write(ICR, ICR.ALL)
    if enabled:
        await bench.write(IMS, ICR.RXT0 | ICR.TXQE)
    await bench.event(txqe=1)
    await bench.cycles(4)

    async def late_event() -> int:
        await bench.cycles(offset)
        cycle = bench.cycle
        await bench.event(txqe=1)
        return cycle

    event = cocotb.start_soon(late_event())
    if by_write:
        await bench.write(ICR, ICR.TXQE)
        first = 0
    else:
        first = await bench.read(ICR)
    cycle = await event
    await bench.cycles(3)
    await bench.write(IMC, IMC.ALL)  # from here on a read clears
    return first, await bench.read(ICR), cycle


OFFSETS = range(12)


async def races(dut: Any, by_write: bool) -> None:
    bench = await CsrBench(dut).start()
    kept = []
    for offset in OFFSETS:
        start = len(bench.intx)
        _, later, cycle = await race(bench, offset, by_write, enabled=True)
        line = bench.intx[start:]
        high = line.index(1)
        fell = start + high + line[high:].index(0)  # first cycle with the line low: the clear was in the one before
        kept.append(bool(later & ICR.TXQE))
        assert kept[-1] == (cycle >= fell - 1), f"event in cycle {cycle}, clear in cycle {fell - 1}"
        if kept[-1]:
            assert 1 in line[fell - start + 1 :], "the kept event makes a new interrupt"
    assert True in kept and False in kept, "the events were around the clear"


@cocotb.test()
async def event_beside_a_write_one_to_clear_is_kept(dut: Any) -> None:
    await races(dut, by_write=True)


@cocotb.test()
async def event_beside_a_clearing_read_is_kept(dut: Any) -> None:
    await races(dut, by_write=False)


@cocotb.test()
async def each_event_is_seen_by_exactly_one_clearing_read(dut: Any) -> None:
    bench = await CsrBench(dut).start()
    seen = []
    for offset in OFFSETS:
        await bench.read(ICR)

        async def late_event(offset: int = offset) -> None:
            await bench.cycles(offset)
            await bench.event(rxo=1)

        event = cocotb.start_soon(late_event())
        first = await bench.read(ICR)
        await event
        await bench.cycles(3)
        second = await bench.read(ICR)
        seen.append(bool(first & ICR.RXO))
        assert bool(first & ICR.RXO) != bool(second & ICR.RXO), f"offset {offset}"
    assert True in seen and False in seen


async def acknowledge_at_once(bench: CsrBench) -> None:
    while True:
        await bench.until(lambda: int(bench.dut.intx_o.value), 100_000)
        await bench.read(ICR)


@cocotb.test()
async def throttling_spaces_interrupts_exactly(dut: Any) -> None:
    bench = await CsrBench(dut).start()
    await bench.write(IMS, ICR.TXDW)
    server = cocotb.start_soon(acknowledge_at_once(bench))
    for interval in (1, 2, 7):
        await bench.write(ITR, interval)
        start = bench.cycle
        while bench.cycle < start + 8 * interval * CYCLES_256NS:
            await bench.event(txdw=1)
            await bench.cycles(bench.random.randrange(4))
        rises = [c for c in bench.rises() if c > start + interval * CYCLES_256NS]
        gaps = {b - a for a, b in pairwise(rises)}
        assert len(rises) >= 5
        assert gaps == {interval * CYCLES_256NS}
        await bench.cycles(interval * CYCLES_256NS)
    server.cancel()


@cocotb.test()
async def first_interrupt_after_a_pause_is_not_throttled(dut: Any) -> None:
    bench = await CsrBench(dut).start()
    await bench.write(IMS, ICR.TXDW)
    await bench.write(ITR, 3)
    latencies = []
    for pause in (5 * CYCLES_256NS, 3 * CYCLES_256NS, 4 * CYCLES_256NS):
        await bench.cycles(pause)
        event = bench.cycle
        await bench.event(txdw=1)
        await bench.cycles(4)
        latencies.append(bench.rises()[-1] - event)
        await bench.read(ICR)
    assert latencies == [3, 3, 3]


@cocotb.test()
async def held_back_cause_survives_a_read_that_is_not_its_own(dut: Any) -> None:
    bench = await CsrBench(dut).start()
    await bench.write(IMS, ICR.TXDW)
    await bench.write(ITR, 4)
    await bench.event(txdw=1)
    await bench.cycles(4)
    first = bench.rises()[-1]
    assert await bench.read(ICR) & ICR.INT_ASSERTED
    await bench.event(txdw=1)
    await bench.cycles(3)
    assert await read_twice(bench) == (TXDW, TXDW)
    await bench.cycles(4 * CYCLES_256NS)
    assert bench.rises()[-1] == first + 4 * CYCLES_256NS
    assert await bench.read(ICR) == TXDW | ICR.INT_ASSERTED


@cocotb.test()
async def line_is_low_before_the_acknowledging_read_answers(dut: Any) -> None:
    bench = await CsrBench(dut).start()
    await bench.write(IMS, ICR.RXT0)
    for _ in range(10):
        await bench.event(rxt0=1)
        await bench.cycles(4)
        dut.s_axil_rready.value = 1
        reading = cocotb.start_soon(bench.read(ICR))
        await bench.until(lambda: int(dut.s_axil_rvalid.value))
        assert not int(dut.intx_o.value)
        await reading


def set_cycle(bench: CsrBench, since: int) -> int:
    """Cycles from `since` to the rise of the line after it."""
    return next(c for c in bench.rises() if c > since) - since


@dataclass(frozen=True)
class Side:
    """A direction: event that waits, one that does not and what it adds to ICR, delay registers, cause."""

    waits: str
    urgent: str
    adds: int
    packet: Any
    absolute: Any
    cause: int


SIDES = {
    "rx": Side("rxt0", "srpd", ICR.SRPD | ICR.OTHER, RDTR, RADV, RXT0),
    "tx": Side("txdw_ide", "txdw", 0, TIDV, TADV, TXDW),
}
DIRECT = 3  # event to line without a delay


@cocotb.test()
@cocotb.parametrize(side=[*SIDES])
async def delay_restarts_with_each_event(dut: Any, side: str) -> None:
    bench, that = await CsrBench(dut).start(), SIDES[side]
    await bench.write(IMS, that.cause)
    await bench.write(that.packet, 3)
    last = 0
    for pause in (0, 100, 2 * CYCLES_1024NS, 3 * CYCLES_1024NS - 1):
        await bench.cycles(max(0, pause - 1))
        last = bench.cycle
        await bench.event(**{that.waits: 1})
    await bench.cycles(3 * CYCLES_1024NS + 10)
    assert len(bench.rises()) == 1
    assert set_cycle(bench, last) == 3 * CYCLES_1024NS + DIRECT


@cocotb.test()
@cocotb.parametrize(side=[*SIDES])
async def absolute_delay_bounds_the_wait(dut: Any, side: str) -> None:
    bench, that = await CsrBench(dut).start(), SIDES[side]
    await bench.write(IMS, that.cause)
    await bench.write(that.packet, 3)
    await bench.write(that.absolute, 5)
    first = bench.cycle
    while bench.cycle < first + 5 * CYCLES_1024NS:
        await bench.event(**{that.waits: 1})
        await bench.cycles(50)
    assert set_cycle(bench, first) == 5 * CYCLES_1024NS + DIRECT


@cocotb.test()
@cocotb.parametrize(side=[*SIDES])
async def flushing_ends_the_delay(dut: Any, side: str) -> None:
    bench, that = await CsrBench(dut).start(), SIDES[side]
    await bench.write(IMS, that.cause)
    for flush in (that.packet.FPD | 5, 0):
        await bench.write(that.packet, 5)
        await bench.event(**{that.waits: 1})
        await bench.cycles(30)
        assert not int(dut.intx_o.value)
        await bench.write(that.packet, flush)
        await bench.cycles(4)
        assert int(dut.intx_o.value)
        assert await bench.read(ICR) & that.cause == that.cause
        await bench.cycles(6 * CYCLES_1024NS)
        assert not int(dut.intx_o.value), "one event, one interrupt"
    await bench.event(**{that.waits: 1})
    await bench.cycles(5)
    assert int(dut.intx_o.value), "no delay, at once"


@cocotb.test()
@cocotb.parametrize(side=[*SIDES])
async def urgent_event_takes_with_it_what_waits(dut: Any, side: str) -> None:
    """A small frame; a write-back without IDE. What was delayed is told with it, and not once more."""
    bench, that = await CsrBench(dut).start(), SIDES[side]
    await bench.write(IMS, that.cause)
    for register, delay in ((that.packet, 5), (that.absolute, 7)):
        await bench.write(register, delay)
    for together in ({that.urgent: 1}, {that.urgent: 1, that.waits: 1}):
        for waiting in (True, False):
            if waiting:
                await bench.event(**{that.waits: 1})
                await bench.cycles(100)
                assert not int(dut.intx_o.value)
            start = bench.cycle
            await bench.event(**together)
            await bench.cycles(5)
            assert set_cycle(bench, start) == DIRECT
            assert await bench.read(ICR) == that.cause | that.adds | ICR.INT_ASSERTED
            await bench.cycles(8 * CYCLES_1024NS)
            assert await bench.read(ICR) == 0


@cocotb.test()
async def directions_wait_on_their_own(dut: Any) -> None:
    bench = await CsrBench(dut).start()
    await bench.write(IMS, ICR.RXT0 | ICR.TXDW)
    await bench.write(RDTR, 2)
    await bench.write(TIDV, 4)
    start = bench.cycle
    await bench.event(rxt0=1, txdw_ide=1)
    await bench.cycles(5 * CYCLES_1024NS)
    assert set_cycle(bench, start) == 2 * CYCLES_1024NS + DIRECT
    assert await bench.read(ICR) == RXT0 | TXDW | ICR.INT_ASSERTED
    await bench.event(rxt0=1, txdw_ide=1)
    await bench.cycles(2 * CYCLES_1024NS + DIRECT)
    assert await bench.read(ICR) == RXT0 | ICR.INT_ASSERTED
    await bench.cycles(2 * CYCLES_1024NS)
    assert await bench.read(ICR) == TXDW | ICR.INT_ASSERTED


@cocotb.test()
async def software_sets_any_cause_as_if_it_had_happened(dut: Any) -> None:
    bench = await CsrBench(dut).start()
    causes = [1 << bit for bit in range(32) if ICS.ALL >> bit & 1]
    assert len(causes) > 12
    for cause in causes:
        await bench.write(IMS, cause)
        await bench.write(ICS, cause)
        await bench.cycles(4)
        assert int(dut.intx_o.value), f"{cause:#x}"
        assert await bench.read(ICR) == cause | ICR.INT_ASSERTED
        await bench.write(IMC, cause)


@cocotb.test()
@cocotb.parametrize(interval=[0, 20])
async def interrupts_per_frame_or_per_interval(dut: Any, interval: int) -> None:
    """One end: an interrupt for each frame. The other: one for each interval of ITR, whatever comes."""
    bench = await CsrBench(dut).start()
    await bench.write(IMS, ICR.RXT0)
    await bench.write(ITR, interval)
    server = cocotb.start_soon(acknowledge_at_once(bench))
    frames, gap = 100, 80
    start = len(bench.rises())
    for _ in range(frames):
        await bench.event(rxt0=1)
        await bench.cycles(gap - 1)
    server.cancel()
    expected = frames if not interval else frames * gap // (interval * CYCLES_256NS)
    assert abs(len(bench.rises()) - start - expected) <= (1 if interval else 0)


def test_interrupts(tmp_path):
    assert simulate(design(), "tests.hdl.csr.test_interrupts", folder=tmp_path).passed == 23
