# SPDX-License-Identifier: MIT
"""nic_rst_sync: asserted without a clock, released 16 clock edges after its source, however short the pulse."""

from __future__ import annotations

from typing import Any

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import ReadOnly, RisingEdge, Timer

from sim.runner import Design, nic_sources, simulate

HOLD_CYCLES = 16


@cocotb.test(timeout_time=2, timeout_unit="ms")
async def asserted_at_once_released_on_the_sixteenth_edge(dut: Any) -> None:
    dut.rst_ni.value = 1
    Clock(dut.clk_i, 10, unit="ns").start()
    await Timer(400, "ns")
    assert dut.rst_no.value == 1
    for pulse_ps in (100, 4000, 77_000):
        await RisingEdge(dut.clk_i)
        await Timer(1300, "ps")
        dut.rst_ni.value = 0
        await Timer(pulse_ps, "ps")
        assert dut.rst_no.value == 0, "waits for the clock"
        dut.rst_ni.value = 1
        for edge in range(1, HOLD_CYCLES + 4):
            await RisingEdge(dut.clk_i)
            await ReadOnly()
            assert bool(dut.rst_no.value) == (edge >= HOLD_CYCLES)


def test_nic_rst_sync(tmp_path):
    design = Design("nic_rst_sync", nic_sources("nic_rst_sync"), {"HoldCycles": HOLD_CYCLES})
    assert simulate(design, "tests.hdl.common.test_nic_rst_sync", folder=tmp_path).passed == 1
