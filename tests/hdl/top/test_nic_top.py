# SPDX-License-Identifier: MIT
"""What only the whole card shows, and no well-behaved driver would: resets and links at the wrong moment."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cocotb

from driver.e1000e import regs
from sim.runner import Design, nic_sources, simulate
from tests.hdl.top.top_bench import AUTONEG_CYCLES, TopBench

BROADCAST = b"\xff" * 6
RESET_CYCLES = 400  # more than a reset takes


@cocotb.test(timeout_time=2, timeout_unit="ms")
async def an_access_right_behind_the_reset_is_answered(dut: Any) -> None:
    bench = await TopBench(dut).start(settle=0)
    assert not dut.s_axil_rvalid.value
    assert await bench.read(regs.TIPG) == regs.TIPG.reset


@cocotb.test(timeout_time=2, timeout_unit="ms")
async def reset_with_a_frame_behind_a_dead_link(dut: Any) -> None:
    """The frame was fetched, then the cable was pulled: the reset ends, and the next frame goes out."""
    bench = await TopBench(dut).start()
    await bench.up()
    for index in range(6):
        await bench.transmit(index, 1500)
    dut.phy_link_i.value = 0
    await bench.cycles(1500)
    await bench.write(regs.CTRL, regs.CTRL.RST)
    await bench.cycles(RESET_CYCLES)
    assert not await bench.read(regs.CTRL) & regs.CTRL.RST
    assert await bench.read(regs.EECD) & regs.EECD.AUTO_RD
    dut.phy_link_i.value = 1
    await bench.up()
    await bench.transmit(0, 60)
    await bench.cycles(300)
    assert await bench.read(regs.GPTC) == 1


@cocotb.test(timeout_time=2, timeout_unit="ms")
async def without_a_link_the_transmit_queue_takes_nothing(dut: Any) -> None:
    """So that software sees in the ring what will not be sent; with the link it goes."""
    bench = await TopBench(dut).start()
    await bench.up()
    dut.phy_link_i.value = 0
    await bench.cycles(20)
    await bench.transmit(0, 60)
    await bench.cycles(500)
    assert await bench.read(regs.TDH) == 0
    await bench.cycles(10)
    assert dut.idle_o.value, "nothing will happen until the cable or software acts"
    dut.phy_link_i.value = 1
    await bench.cycles(AUTONEG_CYCLES + 500)
    assert await bench.read(regs.TDH) == 1 and await bench.read(regs.GPTC) == 1


@cocotb.test(timeout_time=2, timeout_unit="ms")
async def reset_in_the_middle_of_a_frame_from_the_wire(dut: Any) -> None:
    """That frame is gone; every one after it arrives."""
    bench = await TopBench(dut).start()
    await bench.up()
    bench.receive(BROADCAST + bytes(600))
    await bench.cycles(40)
    await bench.write(regs.CTRL, regs.CTRL.RST)
    await bench.cycles(RESET_CYCLES)
    await bench.up()
    frames = [BROADCAST + bytes([number]) * 100 for number in range(3)]
    for frame in frames:
        bench.receive(frame)
    await bench.cycles(500)
    assert [bench.received(number) for number in range(4)] == [*frames, None]
    assert await bench.read(regs.MPC) == 0 and await bench.read(regs.GPRC) == 3


@cocotb.test(timeout_time=2, timeout_unit="ms")
async def reset_at_every_moment_of_a_frame(dut: Any) -> None:
    """Whatever the reset cuts, in either direction, the card works afterwards."""
    bench = await TopBench(dut).start()
    for moment in range(0, 260, 20):
        await bench.up()
        bench.receive(BROADCAST + bytes(300))
        await bench.transmit(0, 700)
        await bench.cycles(moment)
        await bench.write(regs.CTRL, regs.CTRL.RST)
        await bench.cycles(RESET_CYCLES)
        await bench.up()
        bench.receive(BROADCAST + bytes([moment & 0xFF] * 80))
        await bench.transmit(0, 60)
        await bench.cycles(400)
        assert bench.received(0) == BROADCAST + bytes([moment & 0xFF] * 80), moment
        assert await bench.read(regs.GPTC) == 1 and await bench.read(regs.TDH) == 1, moment


def test_the_card(tmp_path: Path) -> None:
    result = simulate(Design("nic_top", nic_sources()), __name__, folder=tmp_path)
    assert result.passed == 5
