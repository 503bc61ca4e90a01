# SPDX-License-Identifier: MIT
"""The whole card and a partner at line rate that honours pause frames, and pause frames from that partner."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cocotb
from cocotb.triggers import RisingEdge

from driver.e1000e import regs
from sim.runner import Design, nic_sources, simulate
from tests.hdl.mac.pins import XgmiiChecker, with_fcs
from tests.hdl.top.top_bench import TopBench

ADDRESS = bytes.fromhex("0180c2000001")
QUANTUM_CYCLES = 8
HIGH, LOW, QUANTA = 12 * 1024, 4 * 1024, 100


class Partner:
    """Sends frames of `size` bytes one after the other, and holds when it is told to (or not: `honours`)."""

    def __init__(self, bench: TopBench, size: int, honours: bool = True) -> None:
        self.bench, self.size, self.honours = bench, size, honours
        dut = bench.dut
        self.checker = XgmiiChecker(dut.xgmii_tx_clk_i, dut.xgmii_txd, dut.xgmii_txc)
        self.sent: list[bytes] = []
        self.quanta: list[int] = []  # what it was told
        self.running = True
        cocotb.start_soon(self.checker.run())
        self.task = cocotb.start_soon(self._run())

    async def _run(self) -> None:
        heard = cycle = until = 0
        while True:
            await RisingEdge(self.bench.dut.clk_i)
            cycle += 1
            for frame in self.checker.frames[heard:]:
                heard += 1
                if frame.data[:6] == ADDRESS:
                    self._check(bytes(frame.data))
                    until = cycle + QUANTUM_CYCLES * self.quanta[-1]
            if self.running and not self.bench.on_the_wire and (cycle >= until or not self.honours):
                self.sent.append(b"\xff" * 6 + self.bench.rng.randbytes(self.size - 10))
                self.bench.receive(self.sent[-1])

    def _check(self, frame: bytes) -> None:
        self.quanta.append(int.from_bytes(frame[16:18], "big"))
        assert frame[12:16] == bytes.fromhex("88080001") and frame == with_fcs(frame[:18] + bytes(42))


async def up(bench: TopBench, *, rfce: bool = True, tfce: bool = True, posted: int | None = None) -> None:
    await bench.up(posted=posted)
    for register, value in (
        (regs.CTRL, regs.CTRL.SLU | regs.CTRL.RFCE * rfce | regs.CTRL.TFCE * tfce),
        (regs.FCAL, int.from_bytes(ADDRESS[:4], "little")),
        (regs.FCAH, int.from_bytes(ADDRESS[4:], "little")),
        (regs.FCT, 0x8808),
        (regs.FCTTV, QUANTA),
        (regs.FCRTL, LOW | 0x8000_0000),
        (regs.FCRTH, HIGH),
    ):
        await bench.write(register, value)


@cocotb.test(timeout_time=2, timeout_unit="ms")
@cocotb.parametrize(size=[64, 1518])
async def nothing_is_missed_when_the_partner_honours_pauses(dut: Any, size: int) -> None:
    """Line rate, and no descriptors for long: XOFF, again and again; then descriptors: XON, and every frame arrives."""
    bench = await TopBench(dut, descriptors=8).start()
    await up(bench, posted=0)
    partner = Partner(bench, size)
    await bench.cycles(6000)
    kept = len(partner.sent)
    sent, heard = await bench.read(regs.XOFFTXC), len(partner.quanta)
    assert sent - heard in (0, 1) and heard > 8 and set(partner.quanta) == {QUANTA}, "one may be on its way"
    await bench.write(regs.RDT, 7)
    seen = await bench.drain(3000)
    xon = await bench.read(regs.XONTXC)
    assert 0 in partner.quanta and xon > 0
    partner.running = False
    seen += await bench.drain(3000, until=lambda so_far: len(seen) + len(so_far) == len(partner.sent))
    assert seen == partner.sent and len(seen) > kept
    assert await bench.read(regs.MPC) == 0 and await bench.read(regs.GPRC) == len(seen)
    await bench.transmit(0, 60)
    await bench.cycles(200)
    pauses = sent + await bench.read(regs.XOFFTXC) + xon + await bench.read(regs.XONTXC)
    assert pauses == len(partner.quanta)
    assert await bench.read(regs.GPTC) == 1 and await bench.read(regs.TPT) == 1 + pauses
    assert await bench.read(regs.TOTL) == 64 * (1 + pauses) and await bench.read(regs.TOTH) == 0


@cocotb.test(timeout_time=2, timeout_unit="ms")
@cocotb.parametrize(honours=[False, True])
async def frames_are_missed_when_it_does_not_or_is_not_told(dut: Any, honours: bool) -> None:
    bench = await TopBench(dut, descriptors=8).start()
    await up(bench, tfce=not honours, posted=0)
    Partner(bench, 1518, honours)
    await bench.cycles(6000)
    assert await bench.read(regs.MPC) > 0
    assert (await bench.read(regs.XOFFTXC) > 0) == (not honours)


@cocotb.test(timeout_time=2, timeout_unit="ms")
async def a_pause_from_the_partner_holds_the_transmitter(dut: Any) -> None:
    bench = await TopBench(dut).start()
    await up(bench)
    checker = XgmiiChecker(dut.xgmii_tx_clk_i, dut.xgmii_txd, dut.xgmii_txc)
    cocotb.start_soon(checker.run())
    pause = ADDRESS + bytes(6) + bytes.fromhex("88080001") + (200).to_bytes(2, "big") + bytes(42)
    bench.receive(pause)
    await bench.cycles(40)
    assert await bench.read(regs.STATUS) & regs.STATUS.TXOFF
    await bench.transmit(0, 60)
    await bench.cycles(1400)
    assert not checker.frames and not dut.idle_o.value, "a frame waits: time must not be leapt over"
    await bench.cycles(250)
    assert len(checker.frames) == 1 and not await bench.read(regs.STATUS) & regs.STATUS.TXOFF
    bench.receive(pause)
    await bench.cycles(40)
    bench.receive(pause[:16] + bytes(44))
    await bench.transmit(1, 60)
    await bench.cycles(200)
    assert len(checker.frames) == 2
    assert await bench.read(regs.XOFFRXC) == 2 and await bench.read(regs.XONRXC) == 1
    assert await bench.read(regs.GPRC) == 0 and bench.received(0) is None, "the MAC's business"


@cocotb.test(timeout_time=2, timeout_unit="ms")
async def a_reset_forgets_the_pause(dut: Any) -> None:
    bench = await TopBench(dut).start()
    await up(bench)
    bench.receive(ADDRESS + bytes(6) + bytes.fromhex("88080001ffff") + bytes(42))
    await bench.cycles(40)
    await bench.transmit(0, 60)
    await bench.cycles(200)
    assert await bench.read(regs.STATUS) & regs.STATUS.TXOFF and await bench.read(regs.GPTC) == 0
    await bench.write(regs.CTRL, regs.CTRL.RST)
    await bench.cycles(400)
    await up(bench)
    await bench.transmit(0, 60)
    await bench.cycles(300)
    assert await bench.read(regs.GPTC) == 1


def test_flow_control(tmp_path: Path) -> None:
    result = simulate(Design("nic_top", nic_sources()), __name__, folder=tmp_path)
    assert result.passed == 2 + 2 + 1 + 1
