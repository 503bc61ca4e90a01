# SPDX-License-Identifier: MIT
"""nic_mac between its core side (drivers here) and its pins (tests/hdl/mac/pins.py or cocotbext-eth)."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Any

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import RisingEdge, Timer
from cocotb.utils import get_sim_time

from tests.hdl.mac.pins import PinDriver, XgmiiChecker
from tests.hdl.sim_helpers import struct

BEAT_BYTES = 16
IPGT_DEFAULT = 8
PERIOD_PS = 6400
BEAT = struct("frame_beat_t")
STATUS = struct("rx_mac_status_t")
TX_CFG = struct("tx_cfg_t")


def beats(data: bytes) -> list[int]:
    """A frame as packed beats."""
    parts = [data[i : i + BEAT_BYTES] for i in range(0, len(data), BEAT_BYTES)]
    return [
        BEAT.pack(data=int.from_bytes(part, "little"), bytes=len(part), last=int(i == len(parts) - 1))
        for i, part in enumerate(parts)
    ]


@dataclass(frozen=True, slots=True)
class Received:
    data: bytes
    bytes: int
    crc_err: bool
    symbol_err: bool
    time_ps: int

    @property
    def good(self) -> bool:
        return not self.crc_err and not self.symbol_err and self.bytes == len(self.data)


class MacBench:
    """Clocks in ps: core, XGMII transmit, XGMII receive. With all equal they are in phase unless `skew`."""

    def __init__(self, dut: Any) -> None:
        self.dut = dut
        self.rng = Random(cocotb.RANDOM_SEED)
        self.new_checker()
        self.received: list[Received] = []

    async def start(
        self,
        core_ps: int = PERIOD_PS,
        tx_ps: int = PERIOD_PS,
        rx_ps: int = PERIOD_PS,
        *,
        skew: bool = False,
        psp: int = 1,
        ipgt: int = IPGT_DEFAULT,
    ) -> None:
        dut = self.dut
        dut.tx_valid_i.value = dut.tx_beat_i.value = dut.tx_fcs_i.value = 0
        dut.xgmii_rxd_i.value, dut.xgmii_rxc_i.value = 0x0707070707070707, 0xFF
        dut.link_i.value = 1
        self.configure(psp=psp, ipgt=ipgt)
        resets = (dut.rst_ni, dut.xgmii_tx_rst_ni, dut.xgmii_rx_rst_ni)
        for reset in resets:
            reset.value = 0
        for clock, period in ((dut.clk_i, core_ps), (dut.xgmii_tx_clk_i, tx_ps), (dut.xgmii_rx_clk_i, rx_ps)):
            Clock(clock, period, unit="ps").start()
            if skew:
                await Timer(self.rng.randint(1, 6399), "ps")
        await Timer(20 * max(core_ps, tx_ps, rx_ps), "ps")
        for reset, clock in zip(resets, (dut.clk_i, dut.xgmii_tx_clk_i, dut.xgmii_rx_clk_i), strict=True):
            await RisingEdge(clock)
            reset.value = 1
        await self.cycles(10)
        self.checking = cocotb.start_soon(self.checker.run())
        self._receiving = cocotb.start_soon(self._receive())

    def configure(self, *, psp: int, ipgt: int = IPGT_DEFAULT, loopback: int = 0) -> None:
        self.dut.tx_cfg_i.value = TX_CFG.pack(en=1, psp=psp, ipgt=ipgt, loopback=loopback)
        self.checker.gap_bytes = 12 + max(0, ipgt - IPGT_DEFAULT)

    def new_checker(self) -> None:
        self.checker = XgmiiChecker(self.dut.xgmii_tx_clk_i, self.dut.xgmii_txd_o, self.dut.xgmii_txc_o)

    def pin_driver(self) -> PinDriver:
        driver = PinDriver(self.dut.xgmii_rx_clk_i, self.dut.xgmii_rxd_i, self.dut.xgmii_rxc_i)
        cocotb.start_soon(driver.run())
        return driver

    async def cycles(self, count: int) -> None:
        for _ in range(count):
            await RisingEdge(self.dut.clk_i)

    async def transmit(self, data: bytes, *, fcs: bool = True, stop_after: int | None = None) -> None:
        """Offer a frame without a pause; `stop_after` beats the source falls silent (a reset of it)."""
        dut = self.dut
        dut.tx_valid_i.value = 1
        for index, beat in enumerate(beats(data)[:stop_after]):
            dut.tx_beat_i.value = beat
            dut.tx_fcs_i.value = int(fcs) if index == 0 else self.rng.getrandbits(1)  # counts with the first only
            while True:
                await RisingEdge(dut.clk_i)
                if dut.tx_ready_o.value:
                    break
        dut.tx_valid_i.value = 0

    def restart_receiver(self) -> None:
        """Forget the beats of a frame that a reset has cut."""
        self._receiving.cancel()
        self._receiving = cocotb.start_soon(self._receive())

    async def _receive(self) -> None:
        dut, data = self.dut, bytearray()
        while True:
            await RisingEdge(dut.clk_i)
            if not dut.rx_valid_o.value:
                continue
            beat = BEAT.unpack(int(dut.rx_beat_o.value))
            assert beat.bytes == BEAT_BYTES if not beat.last else 1 <= beat.bytes <= BEAT_BYTES
            data += beat.data.to_bytes(BEAT_BYTES, "little")[: beat.bytes]
            if beat.last:
                status = STATUS.unpack(int(dut.rx_status_o.value))
                now = int(get_sim_time("ps"))
                frame = Received(bytes(data), status.bytes, bool(status.crc_err), bool(status.symbol_err), now)
                self.received.append(frame)
                data.clear()

    async def idle(self, limit_cycles: int = 20_000) -> None:
        """Until neither direction is busy. Raises: AssertionError after `limit_cycles`."""
        await self.cycles(8)
        for _ in range(limit_cycles):
            if not self.dut.tx_busy_o.value and not self.dut.rx_busy_o.value:
                return
            await RisingEdge(self.dut.clk_i)
        raise AssertionError(f"still busy after {limit_cycles} cycles")
