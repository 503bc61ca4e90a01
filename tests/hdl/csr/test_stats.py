# SPDX-License-Identifier: MIT
"""Statistics: every counter against a model, at line rate, while software reads."""

from __future__ import annotations

from collections import Counter
from collections.abc import Coroutine
from typing import Any

import cocotb
from cocotb.triggers import ClockCycles, RisingEdge

from driver.e1000e import regs
from sim.runner import Design, nic_sources, simulate
from tests.hdl.csr.csr_bench import CsrBench, design
from tests.hdl.csr.stats_model import RX_OUTCOMES, SIZES, StatsModel, random_octets
from tests.hdl.sim_helpers import start_clock_and_reset, struct

PAIRS = ("GORC", "GOTC", "TOR", "TOT")
COUNTERS = [r for r in regs.STATISTICS if r.name[:-1] not in PAIRS]
CYCLES_1024NS = 160
FLOW = {
    "xon_rx": "XONRXC", "xon_tx": "XONTXC", "xoff_rx": "XOFFRXC", "xoff_tx": "XOFFTXC", "unsupported": "FCRUC"
}  # fmt: skip
CAUSES = {"txqe": "ICTXQEC", "txd_low": "ICTXQMTC", "rxdmt0": "ICRXDMTC", "rxo": "ICRXOC"}
TIMERS = {"IAC", "ICRXPTC", "ICRXATC", "ICTXPTC", "ICTXATC"}  # of the interrupt logic: below


async def read_pair(bench: CsrBench, name: str) -> int:
    low = await bench.read(getattr(regs, name + "L"))
    return low | await bench.read(getattr(regs, name + "H")) << 32


async def read_all(bench: CsrBench) -> Counter[str]:
    found = Counter({r.name: await bench.read(r) for r in COUNTERS})
    found.update({name: await read_pair(bench, name) for name in PAIRS})
    return found


class Traffic:
    """Random frames both ways, as close as `gap` cycles, into the card and into the model."""

    def __init__(self, bench: CsrBench, model: StatsModel) -> None:
        self.bench, self.model = bench, model
        self.rx_stat, self.tx_stat = struct("rx_stat_t"), struct("tx_stat_t")

    async def run(self, frames: int, gap: int) -> None:
        tasks = [cocotb.start_soon(side(frames, gap)) for side in (self._rx, self._tx, self._events)]
        for task in tasks:
            await task

    async def _rx(self, frames: int, gap: int) -> None:
        random, dut = self.bench.random, self.bench.dut
        # Each size counter moves once at least; the rest is chance.
        kinds = [("good", limit) for limit, _ in SIZES]
        while len(kinds) < frames:
            kinds.append((random.choice([*RX_OUTCOMES, "good", "good", "good"]), random_octets(random)))
        for outcome, octets in kinds:
            multicast = random.random() < 0.5
            broadcast = multicast and random.random() < 0.5
            bits = {outcome: 1, "multicast": int(multicast), "broadcast": int(broadcast)}
            self.model.rx(outcome, octets, multicast, broadcast)
            if random.random() < 0.2:
                self.model.counts["RNBC"] += 1
                dut.rnbc_i.value = 1
            dut.rx_stat_i.value = self.rx_stat.pack(valid=1, bytes=octets, **bits)
            await RisingEdge(dut.clk_i)
            dut.rx_stat_i.value = 0
            dut.rnbc_i.value = 0
            await self.bench.cycles(gap - 1)

    async def _tx(self, frames: int, gap: int) -> None:
        random, dut = self.bench.random, self.bench.dut
        sizes = [limit for limit, _ in SIZES]
        sizes += [random_octets(random) for _ in range(frames - len(sizes))]
        for octets in sizes:
            multicast = random.random() < 0.5
            broadcast = multicast and random.random() < 0.5
            self.model.tx(octets, multicast, broadcast)
            dut.tx_stat_i.value = self.tx_stat.pack(
                valid=1, bytes=octets, multicast=int(multicast), broadcast=int(broadcast)
            )
            await RisingEdge(dut.clk_i)
            dut.tx_stat_i.value = 0
            await self.bench.cycles(gap - 1)


    async def _events(self, frames: int, gap: int) -> None:
        """Pause frames and DMA events: any of them in any cycle."""
        random, dut = self.bench.random, self.bench.dut
        for number in range(frames):
            both = ((dut.flow_event_i, "flow_event_t", FLOW), (dut.event_i, "dma_event_t", CAUSES))
            for port, name, counters in both:
                bits = {field: int(random.random() < 0.3 or number == 0) for field in counters}
                if bits.get("xon_tx"):
                    bits["xoff_tx"] = 0  # one frame at a time
                if bits.get("xon_tx") or bits.get("xoff_tx"):
                    self.model.tx_pause()
                self.model.counts.update(counter for field, counter in counters.items() if bits[field])
                port.value = struct(name).pack(**bits)
            await RisingEdge(dut.clk_i)
            dut.flow_event_i.value = dut.event_i.value = 0
            await self.bench.cycles(gap - 1)


@cocotb.test()
async def every_counter_counts_what_it_should(dut: Any) -> None:
    bench, model = await CsrBench(dut).start(), StatsModel()
    await Traffic(bench, model).run(400, 10)
    await bench.until(lambda: int(dut.idle_o.value))
    found = await read_all(bench)
    assert +found == model.counts
    assert model.counts.keys() == {r.name for r in COUNTERS} - TIMERS | {*PAIRS}, "the traffic moved every counter"
    assert not +await read_all(bench), "reading clears"


@cocotb.test()
async def reading_during_traffic_loses_nothing(dut: Any) -> None:
    bench, model = await CsrBench(dut).start(), StatsModel()
    traffic = cocotb.start_soon(Traffic(bench, model).run(600, 10))
    found: Counter[str] = Counter()
    busy = [bench.random.choice(COUNTERS) for _ in range(3)]
    reads = 0
    while not traffic.done():
        register = bench.random.choice([*COUNTERS, *busy, regs.TPR, regs.GPRC, regs.TPT])
        found[register.name] += await bench.read(register)
        if bench.random.random() < 0.3:
            name = bench.random.choice(PAIRS)
            found[name] += await read_pair(bench, name)
        reads += 1
    await bench.cycles(20)
    found += await read_all(bench)
    assert reads > 200
    assert +found == model.counts


@cocotb.test()
async def a_frame_each_way_in_every_cycle(dut: Any) -> None:
    """More than any wire can bring: nothing is lost, to the next frame or to a read."""
    bench, model = await CsrBench(dut).start(), StatsModel()
    found: Counter[str] = Counter()
    traffic = cocotb.start_soon(Traffic(bench, model).run(2000, 1))
    while not traffic.done():
        register = bench.random.choice(COUNTERS)
        found[register.name] += await bench.read(register)
    assert found.total() > 1000
    found += await read_all(bench)
    assert +found == model.counts


@cocotb.test()
async def shortest_received_frames_without_descriptors(dut: Any) -> None:
    """SBP: fragments of 6 bytes with a gap of 6, one every 2.5 cycles, and each has to wait for a descriptor."""
    bench = await CsrBench(dut).start()
    stat = struct("rx_stat_t").pack(valid=1, bytes=6, fragment=1, multicast=1, broadcast=1)

    async def receive() -> None:
        for number in range(200):
            dut.rx_stat_i.value, dut.rnbc_i.value = stat, 1
            await RisingEdge(dut.clk_i)
            dut.rx_stat_i.value, dut.rnbc_i.value = 0, 0
            await bench.cycles(1 + number % 2)

    await read_during(bench, receive())
    found = +await read_all(bench)
    assert found == {"TPR": 200, "TOR": 200 * 6, "RFC": 200, "RLEC": 200, "RNBC": 200}


@cocotb.test()
async def shortest_sent_frames(dut: Any) -> None:
    """No padding: 1 byte and no FCS, which the packet buffer hands over every other cycle, a multicast address each."""
    bench = await CsrBench(dut).start()

    async def send() -> None:
        for _ in range(200):
            await bench.tx(bytes=1, multicast=1)
            await bench.cycles(1)

    await read_during(bench, send())
    found = +await read_all(bench)
    assert found == {"TPT": 200, "TOT": 200, "GPTC": 200, "GOTC": 200, "PTC64": 200, "MPTC": 200}


@cocotb.test()
async def sent_pause_frames_are_in_the_totals_only(dut: Any) -> None:
    """Beside a frame, and up to four cycles after it."""
    bench = await CsrBench(dut).start()
    for bit, counter in (("xon_tx", "XONTXC"), ("xoff_tx", "XOFFTXC")):
        pause = struct("flow_event_t").pack(**{bit: 1})
        for offset in range(5):
            frame = cocotb.start_soon(bench.tx(bytes=100))
            await bench.cycles(offset)
            await bench._pulse(dut.flow_event_i, pause)
            await frame
        await bench.cycles(4)
        found = +await read_all(bench)
        sizes = {"GPTC": 5, "GOTC": 500, "PTC127": 5}
        assert found == {"TPT": 10, "TOT": 5 * (100 + 64), counter: 5, **sizes}


async def read_during(bench: CsrBench, traffic: Coroutine[Any, Any, None]) -> None:
    """Of a register that counts nothing of it."""
    task = cocotb.start_soon(traffic)
    while not task.done():
        await bench.read(regs.CRCERRS)
        await bench.read(regs.BPTC)


@cocotb.test()
async def halves_of_an_octet_count_are_of_one_instant(dut: Any) -> None:
    bench = await CsrBench(dut).start()
    await bench.tx(bytes=1000)
    await bench.cycles(8)
    assert await bench.read(regs.GOTCL) == 1000
    await bench.tx(bytes=64)
    await bench.cycles(8)
    assert await bench.read(regs.GOTCH) == 0
    assert await bench.read(regs.GOTCL) == 64, "what came in between stays"
    await bench.tx(bytes=64)
    await bench.cycles(8)
    assert await bench.read(regs.GOTCL) == 128, "the low half alone clears nothing"
    assert await bench.read(regs.TOTL) == 1128, "the other pair is on its own"
    assert await bench.read(regs.GOTCH) == 0
    await bench.tx(bytes=64)
    await bench.cycles(8)
    assert await bench.read(regs.GOTCH) == 0
    assert await bench.read(regs.GOTCL) == 0, "the high half alone takes all"


@cocotb.test()
async def a_reset_forgets_that_a_low_half_was_read(dut: Any) -> None:
    bench = await CsrBench(dut).start()
    await bench.tx(bytes=1000)
    await bench.cycles(8)
    assert await bench.read(regs.GOTCL) == 1000
    await bench.write(regs.CTRL, regs.CTRL.RST)
    await bench.until(lambda: not int(dut.stop_o.value))
    await bench.tx(bytes=64)
    await bench.cycles(8)
    assert await bench.read(regs.GOTCH) == 0
    assert await bench.read(regs.GOTCL) == 0, "the high half alone takes all"


@cocotb.test()
async def delays_that_end_are_counted_by_what_ended_them(dut: Any) -> None:
    bench = await CsrBench(dut).start()
    await bench.write(regs.IMS, regs.ICR.RXT0 | regs.ICR.TXDW)

    async def run(events: int, gap: int, **event: int) -> Counter[str]:
        for _ in range(events):
            await bench.event(**event)
            await bench.cycles(gap)
        await bench.cycles(3 * CYCLES_1024NS)
        await bench.read(regs.ICR)
        return +await read_all(bench)

    sides = (("rxt0", "ICRX", regs.RDTR, regs.RADV, "srpd"), ("txdw_ide", "ICTX", regs.TIDV, regs.TADV, "txdw"))
    for delayed, prefix, packet, absolute, urgent in sides:
        assert await run(1, 0, **{delayed: 1}) == {"IAC": 1}, "no delay"
        await bench.write(packet, 2)
        assert await run(1, 0, **{delayed: 1}) == {"IAC": 1, prefix + "PTC": 1}
        await bench.write(absolute, 2)
        await bench.write(packet, 100)
        assert await run(2, 50, **{delayed: 1}) == {"IAC": 1, prefix + "ATC": 1}
        assert await run(1, 0, **{delayed: 1, urgent: 1}) == {"IAC": 1}, "an urgent one ends the delay"
        await bench.write(packet, 0)


# ---------------------------------------------------------------- the counters alone, short enough to fill
FRAME_BITS, OCTET_BITS = 10, 34


async def quiet(dut: Any, *inputs: str) -> None:
    for name in inputs:
        getattr(dut, name).value = 0
    await start_clock_and_reset(dut)


@cocotb.test()
async def alone_event_counters_stick_at_all_ones(dut: Any) -> None:
    await quiet(dut, "bump_rows_i", "rd_i", "rd_row_i")

    async def read(row: int, bump: int = 0) -> int:
        dut.rd_i.value, dut.rd_row_i.value, dut.bump_rows_i.value = 1, row, bump
        await RisingEdge(dut.clk_i)
        value = int(dut.rdata_o.value)
        dut.rd_i.value = dut.bump_rows_i.value = 0
        await RisingEdge(dut.clk_i)
        return value

    full = (1 << FRAME_BITS) - 1
    for bumps, expected in ((1, 1), (full - 1, full - 1), (full, full), (full + 1, full), (3 * full, full)):
        dut.bump_rows_i.value = 1 << 1
        await ClockCycles(dut.clk_i, bumps)
        dut.bump_rows_i.value = 0
        await RisingEdge(dut.clk_i)
        assert await read(1, bump=1 << 1) == expected
        assert await read(1) == 1, "counted in the cycle of the read, full or not"
        assert [await read(row) for row in range(3)] == [0, 0, 0]


@cocotb.test()
async def alone_total_counts_up_to_three_and_sticks_at_all_ones(dut: Any) -> None:
    await quiet(dut, "bump_i", "rd_i")

    async def read(bump: int = 0) -> int:
        dut.rd_i.value, dut.bump_i.value = 1, bump
        await RisingEdge(dut.clk_i)
        value = int(dut.rdata_o.value)
        dut.rd_i.value = dut.bump_i.value = 0
        await RisingEdge(dut.clk_i)
        return value

    full = (1 << FRAME_BITS) - 1
    for step in (1, 2, 3):
        for cycles in (1, full // step - 1, full // step, full // step + 1, full):
            dut.bump_i.value = step
            await ClockCycles(dut.clk_i, cycles)
            dut.bump_i.value = 0
            await RisingEdge(dut.clk_i)
            assert await read(bump=step) == min(step * cycles, full)
            assert await read() == step, "counted in the cycle of the read, full or not"
            assert await read() == 0


@cocotb.test()
async def alone_octets_carry_and_stick_at_all_ones(dut: Any) -> None:
    await quiet(dut, "bump_i", "octets_i", "rd_low_i", "rd_high_i")

    async def half(name: str) -> int:
        port = getattr(dut, f"rd_{name}_i")
        port.value = 1
        await RisingEdge(dut.clk_i)
        value = int(dut.rdata_o.value)
        port.value = 0
        await RisingEdge(dut.clk_i)
        return value

    dut.octets_i.value = 0xFFFF
    for bumps in (1, 1 << 16, 70_000, 262_148, 262_149, 270_000):
        dut.bump_i.value = 1
        await ClockCycles(dut.clk_i, bumps)
        dut.bump_i.value = 0
        await RisingEdge(dut.clk_i)
        low = await half("low")
        assert low | await half("high") << 32 == min(bumps * 0xFFFF, (1 << OCTET_BITS) - 1)
        assert [await half(name) for name in ("low", "high", "high")] == [0, 0, 0]


def test_statistics(tmp_path):
    ran = simulate(design(), "tests.hdl.csr.test_stats", folder=tmp_path, test_filter="^((?!alone_).)*$")
    assert ran.passed == 9


def test_counters_alone(tmp_path):
    bank = Design("nic_stats_bank", nic_sources("nic_stats_bank"), {"Bits": FRAME_BITS})
    assert simulate(bank, "tests.hdl.csr.test_stats", folder=tmp_path, test_filter="alone_event").passed == 1


def test_total_alone(tmp_path):
    total = Design("nic_stats_total", nic_sources("nic_stats_total"), {"Bits": FRAME_BITS})
    assert simulate(total, "tests.hdl.csr.test_stats", folder=tmp_path, test_filter="alone_total").passed == 1


def test_octets_alone(tmp_path):
    octets = Design("nic_stats_octets", nic_sources("nic_stats_octets"), {"Bits": OCTET_BITS})
    assert simulate(octets, "tests.hdl.csr.test_stats", folder=tmp_path, test_filter="alone_octets").passed == 1
