# SPDX-License-Identifier: MIT
"""CTRL.RST with a bus that takes its time, master disable, and leaps of time that change nothing."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import cocotb
import pytest
from cocotb.triggers import FallingEdge, RisingEdge

from driver.e1000e import regs
from driver.e1000e.regs import CTRL, EECD, EXTCNF_CTRL, ICR, IMS, ITR, MDIC, RAH, RAL, RCTL, RDTR, STATUS, SWSM
from sim.runner import SimulationFailed, simulate
from tests.hdl.csr.csr_bench import AUTONEG_CYCLES, MAC_WORDS, RESET_CYCLES_MAX, CsrBench, design
from tests.hdl.sim_helpers import struct

DP_RESET_CYCLES = 8


@cocotb.test()
async def power_on_reset_is_done_within_two_microseconds(dut: Any) -> None:
    bench = await CsrBench(dut).start(wait=False)
    assert int(dut.stop_o.value)
    waited = await bench.until(lambda: not int(dut.stop_o.value))
    assert waited <= RESET_CYCLES_MAX
    assert bench.resets >= DP_RESET_CYCLES - 2
    assert await bench.read(RAL[0]) == MAC_WORDS[0] | MAC_WORDS[1] << 16
    assert await bench.read(RAH[0]) == RAH[0].AV | MAC_WORDS[2]


async def dirty(bench: CsrBench) -> None:
    """Everything that a reset has to set back."""
    for register in (regs.RDBAL, regs.RDLEN, regs.RDT, regs.TDT, regs.TIPG, regs.LEDCTL, regs.MTA[5], RAL[0], RAL[3]):
        await bench.write(register, 0x0001_5550)
    await bench.write(RCTL, RCTL.EN | RCTL.UPE)
    await bench.write(RAH[0], 0)
    await bench.write(IMS, ICR.TXDW)
    await bench.write(ITR, 1000)
    await bench.write(RDTR, 50)
    await bench.event(txdw=1, rxt0=1)
    await bench.rx(good=1, bytes=64)
    await bench.cycles(8)
    assert int(bench.dut.intx_o.value)


@cocotb.test()
async def device_reset_waits_for_the_bus_and_sets_back_registers(dut: Any) -> None:
    bench = await CsrBench(dut).start()
    await dirty(bench)
    await bench.write(EXTCNF_CTRL, EXTCNF_CTRL.MDIO_SW_OWNERSHIP)
    await bench.write(regs.PBA, 32)
    await bench.read(SWSM)
    bench.nvm[0] = 0xC0DE
    dut.engines_idle_i.value = 0
    before = bench.resets
    await bench.write(CTRL, CTRL.RST)
    for _ in range(20):
        assert await bench.read(CTRL) & CTRL.RST
        assert int(dut.stop_o.value)
        await bench.write(regs.RDT, 99)
        await bench.write(regs.PBA, 20)  # which a reset leaves alone
    assert not await bench.read(EECD) & EECD.AUTO_RD
    assert bench.resets == before, "a burst is outstanding"
    assert struct("rx_cfg_t").unpack(int(dut.rx_cfg_o.value)).en, "until then the registers stand"

    dut.engines_idle_i.value = 1
    assert await bench.until(lambda: not int(dut.stop_o.value)) <= RESET_CYCLES_MAX
    assert bench.resets == before + DP_RESET_CYCLES
    assert not int(dut.intx_o.value)
    expected = {
        CTRL: CTRL.reset,
        RCTL: 0,
        regs.RDBAL: 0,
        regs.RDLEN: 0,
        regs.RDT: 0,
        regs.TDT: 0,
        regs.TIPG: regs.TIPG.reset,
        regs.LEDCTL: regs.LEDCTL.reset,
        regs.MTA[5]: 0,
        RAL[0]: MAC_WORDS[1] << 16 | 0xC0DE,
        RAH[0]: RAH[0].AV | MAC_WORDS[2],
        RAL[3]: 0,
        IMS: 0,
        ITR: 0,
        RDTR: 0,
        ICR: 0,
        regs.GPRC: 0,
        regs.TORL: 0,
        EXTCNF_CTRL: EXTCNF_CTRL.MDIO_SW_OWNERSHIP,
        SWSM: 1,
        regs.PBA: 8 << 16 | 32,
        EECD: EECD.reset,
    }
    for register, value in expected.items():
        assert await bench.read(register) == value, register.name
    await bench.cycles(60 * 160)
    assert await bench.read(ICR) == 0, "the receive delay was running"


@cocotb.test()
async def memories_read_as_reset_while_they_are_set_back(dut: Any) -> None:
    """What is read during a reset is the register's own old or reset value, never another word of its memory."""
    bench = await CsrBench(dut).start()
    allowed = {regs.VET: {0x1234, regs.VET.reset}, regs.TARC0: {0x55AA, regs.TARC0.reset}, regs.MTA[77]: {0x77, 0}}
    allowed |= {regs.VFTA[3]: {0x3333, 0}, regs.VFTA[127]: {0x7F7F, 0}}
    for register, values in allowed.items():
        await bench.write(register, max(values - {register.reset}))
    await bench.write(regs.MTA[0], 0xFFFF_FFFF)
    await bench.write(CTRL, CTRL.RST)
    reads = 0
    while await bench.read(CTRL) & CTRL.RST:
        for register, values in allowed.items():
            assert await bench.read(register) in values, register.name
            reads += 1
    assert reads > 20
    for register in allowed:
        assert await bench.read(register) == register.reset, register.name


@cocotb.test()
async def ownership_can_be_given_back_while_a_reset_is_under_way(dut: Any) -> None:
    """As the stock driver does, right behind CTRL.RST."""
    bench = await CsrBench(dut).start()
    await bench.write(EXTCNF_CTRL, EXTCNF_CTRL.MDIO_SW_OWNERSHIP)
    await bench.read(SWSM)
    dut.engines_idle_i.value = 0
    await bench.write(CTRL, CTRL.RST)
    await bench.write(EXTCNF_CTRL, 0)
    await bench.write(SWSM, 0)
    await bench.write(regs.RDT, 99)
    dut.engines_idle_i.value = 1
    await bench.until(lambda: not int(dut.stop_o.value))
    assert not await bench.read(EXTCNF_CTRL) & EXTCNF_CTRL.MDIO_SW_OWNERSHIP
    assert await bench.read(SWSM) == 0 and await bench.read(regs.RDT) == 0


@cocotb.test()
async def device_reset_leaves_the_phy_its_link(dut: Any) -> None:
    bench = await CsrBench(dut).start(cable=True)
    await bench.write(CTRL, CTRL.SLU)
    await bench.cycles(AUTONEG_CYCLES + 10)
    await bench.write(CTRL, CTRL.SLU | CTRL.RST)
    await bench.until(lambda: not int(dut.stop_o.value))
    assert not await bench.read(STATUS) & STATUS.LU
    assert await bench.read(ICR) == 0
    await bench.write(CTRL, CTRL.SLU)
    await bench.cycles(5)
    assert await bench.read(STATUS) & STATUS.LU, "no new autonegotiation"


@cocotb.test()
async def registers_work_at_once_after_a_reset(dut: Any) -> None:
    """Polling CTRL.RST is enough."""
    bench = await CsrBench(dut).start()
    for _ in range(3):
        start = bench.cycle
        await bench.write(CTRL, CTRL.RST)
        while await bench.read(CTRL) & CTRL.RST:
            pass
        assert bench.cycle - start <= RESET_CYCLES_MAX
        await bench.write(regs.RDT, 5)
        assert await bench.read(regs.RDT) == 5
        await bench.rx(good=1, bytes=64)
        await bench.cycles(8)
        assert await bench.read(regs.GPRC) == 1


@cocotb.test()
async def master_disable_stops_and_tells_when_all_is_quiet(dut: Any) -> None:
    bench = await CsrBench(dut).start()
    dut.engines_idle_i.value = 0
    await bench.write(CTRL, CTRL.GIO_MASTER_DISABLE)
    for _ in range(5):
        assert int(dut.stop_o.value)
        assert await bench.read(STATUS) & STATUS.GIO_MASTER_ENABLE
    dut.engines_idle_i.value = 1
    assert not await bench.read(STATUS) & STATUS.GIO_MASTER_ENABLE
    await bench.write(CTRL, 0)
    assert not int(dut.stop_o.value)
    assert await bench.read(STATUS) & STATUS.GIO_MASTER_ENABLE
    assert bench.resets < 2 * DP_RESET_CYCLES, "nothing was reset"


# ---------------------------------------------------------------- leaps
class Clockwork:
    """Runs stimuli at given times, leaping over idle time or not, and writes down what came out and when."""

    def __init__(self, bench: CsrBench, leap: bool) -> None:
        self.bench, self.leap = bench, leap
        self.log: list[tuple[int, str, int]] = []
        self.leaps = 0
        self.next_at: int | None = None

    async def run(self, stimuli: list[tuple[int, Callable[[], Awaitable[object]]]], end: int) -> None:
        dut = self.bench.dut
        watch = cocotb.start_soon(self._watch(end))
        for at, action in stimuli:
            self.next_at = at
            while int(dut.time_now_o.value) < at - 1:
                await RisingEdge(dut.clk_i)
            self.next_at = None
            await action()
        self.next_at = end
        await watch

    async def _watch(self, end: int) -> None:
        """In the middle of each cycle: log changes, decide how far time leaps at its end."""
        dut = self.bench.dut
        ports = {"intx": dut.intx_o, "link": dut.link_o}
        last = {name: int(port.value) for name, port in ports.items()}
        while (now := int(dut.time_now_o.value)) < end:
            await FallingEdge(dut.clk_i)
            now = int(dut.time_now_o.value)
            for name, port in ports.items():
                if int(port.value) != last[name]:
                    last[name] = int(port.value)
                    self.log.append((now, name, last[name]))
            dut.time_skip_i.value = self._skip(now)

    def _skip(self, now: int) -> int:
        dut = self.bench.dut
        if not self.leap or self.next_at is None or not int(dut.idle_o.value):
            return 0
        limit = self.next_at - 3  # the stimulus is driven by edges of the clock, not by time
        if int(dut.deadline_valid_o.value):
            limit = min(limit, int(dut.deadline_o.value))
        self.leaps += limit > now + 1
        return max(0, limit - now - 1)


SCENARIO_END = 60_000


async def scenario(dut: Any, leap: bool) -> Clockwork:
    """Link, MDIO, throttled interrupts and receive delays, with long pauses between."""
    bench = await CsrBench(dut).start(cable=True)
    bench.random.seed(1)
    work = Clockwork(bench, leap)
    at = int(dut.time_now_o.value) + 50
    mdic_word = MDIC.OP.put(2) | MDIC.PHYADD.put(1) | MDIC.IE

    async def acknowledge() -> None:
        work.log.append((int(dut.time_now_o.value), "icr", await bench.read(ICR)))

    stimuli: list[tuple[int, Callable[[], Awaitable[object]]]] = [
        (at, lambda: bench.write(IMS, ICR.TXDW | ICR.RXT0 | ICR.LSC | ICR.MDAC)),
        (at + 50, lambda: bench.write(CTRL, CTRL.SLU)),
        (at + 1000, acknowledge),
        (at + 1100, lambda: bench.write(MDIC, mdic_word)),
        (at + 2000, acknowledge),
        (at + 2100, lambda: bench.write(ITR, 50)),
        (at + 2200, lambda: bench.write(RDTR, 10)),
        (at + 2300, lambda: bench.event(txdw=1)),
        (at + 2400, acknowledge),
        (at + 2500, lambda: bench.event(txdw=1)),
        (at + 5000, acknowledge),
        (at + 5100, lambda: bench.event(rxt0=1)),
        (at + 6000, lambda: bench.event(rxt0=1)),
        (at + 9000, acknowledge),
        (at + 9050, lambda: bench.write(regs.TIDV, 20)),
        (at + 9100, lambda: bench.write(regs.TADV, 25)),
        (at + 9200, lambda: bench.event(txdw_ide=1)),
        (at + 12_000, lambda: bench.event(txdw_ide=1)),
        (at + 15_000, acknowledge),
        (at + 20_000, lambda: bench.rx(good=1, bytes=64)),
        (at + 20_100, lambda: bench.event(txdw=1)),
        (at + 50_000, acknowledge),
    ]
    await work.run(stimuli, SCENARIO_END)
    return work


@cocotb.test()
async def leaps_over_idle_time_change_nothing(dut: Any) -> None:
    slow = await scenario(dut, leap=False)
    dut.rst_ni.value = 0
    await slow.bench.cycles(3)
    fast = await scenario(dut, leap=True)
    assert slow.leaps == 0 and fast.leaps >= 10
    assert [name for _, name, _ in slow.log].count("intx") >= 10
    assert ("link", 1) in [entry[1:] for entry in slow.log]
    assert fast.log == slow.log
    assert len(fast.bench.intx) < len(slow.bench.intx) / 10


@cocotb.test()
async def time_advances_by_one_and_the_leap(dut: Any) -> None:
    bench = await CsrBench(dut).start()
    for leap in (0, 1, 1000, 0, 0xFFFF_FFFF):
        before = int(dut.time_now_o.value)
        dut.time_skip_i.value = leap
        await bench.cycles(1)
        dut.time_skip_i.value = 0
        await bench.cycles(1)
        # The read before the write is of the cycle that the last edge ended: one cycle and the leap, one cycle more.
        assert int(dut.time_now_o.value) - before == leap + 2


@cocotb.test()
async def idle_is_not_claimed_while_something_moves(dut: Any) -> None:
    bench = await CsrBench(dut).start(cable=True)
    assert int(dut.deadline_valid_o.value), "the PHY negotiates"
    await bench.until(lambda: int(dut.idle_o.value))
    dut.dma_idle_i.value = 0
    await RisingEdge(dut.clk_i)
    await FallingEdge(dut.clk_i)
    assert not int(dut.idle_o.value)
    dut.dma_idle_i.value = 1
    for port in (dut.event_i, dut.flow_event_i, dut.rnbc_i):
        port.value = 1
        await FallingEdge(dut.clk_i)
        assert not int(dut.idle_o.value), "something happens in this cycle"
        await RisingEdge(dut.clk_i)
        port.value = 0
        await bench.cycles(3)
        assert int(dut.idle_o.value)
    await bench.write(IMS, ICR.TXDW)
    await bench.event(txdw=1)
    await RisingEdge(dut.clk_i)
    assert not int(dut.idle_o.value), "an interrupt is about to rise"
    await bench.cycles(2)
    assert int(dut.idle_o.value) and int(dut.intx_o.value)


@cocotb.test()
async def broken_promise_reset_under_a_burst(dut: Any) -> None:
    """nic_reset trusts engines_idle_i to stay once the engines are stopped; what breaks that must not go unseen."""
    bench = await CsrBench(dut).start()
    await bench.write(CTRL, CTRL.RST)
    while int(dut.dp_rst_no.value):
        dut.engines_idle_i.value = 1
        await RisingEdge(dut.clk_i)
        dut.engines_idle_i.value = 0
        await FallingEdge(dut.clk_i)
    await bench.cycles(20)


def test_reset_and_time(tmp_path):
    built = design()
    ran = simulate(built, "tests.hdl.csr.test_reset_time", folder=tmp_path, test_filter="^((?!broken_).)*$")
    assert ran.passed == 10


def test_a_short_bus_stop_is_seen_by_the_assertion(tmp_path):
    with pytest.raises(SimulationFailed, match="data path reset while a burst is outstanding"):
        built = design()
        simulate(built, "tests.hdl.csr.test_reset_time", folder=tmp_path, test_filter="broken_")
