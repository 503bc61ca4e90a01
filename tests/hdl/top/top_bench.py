# SPDX-License-Identifier: MIT
"""The whole card without driver or kernel: registers by hand, rings in a small memory, XGMII words on its pins."""

from __future__ import annotations

import struct
import zlib
from collections import deque
from collections.abc import Callable
from random import Random
from typing import Any

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import RisingEdge, Timer

from driver.e1000e import regs
from tests.hdl.axi.slave import ReadSlave, Settings, WriteSlave

BASE = 0x10_0000
RX_RING, TX_RING, TX_DATA, RX_DATA, RX_STEP = 0x0000, 0x1000, 0x3000, 0x4000, 0x800
AUTONEG_CYCLES = 2500  # more than the PHY takes
IDLE = (int.from_bytes(b"\x07" * 8, "little"), 0xFF)
START, TERMINATE, BLANK = 0xFB, 0xFD, 0x07
WAIT_CYCLES = 200


class TopBench:
    """descriptors: ring size of both queues."""

    def __init__(self, dut: Any, *, seed: int = 1, descriptors: int = 8) -> None:
        self.dut, self.count, self.rng = dut, descriptors, Random(seed)
        self.memory = bytearray(1 << 16)
        settings = Settings(latency=(20, 20))
        self._reads = ReadSlave(settings, Random(seed), 16, self._load)
        self._writes = WriteSlave(settings, Random(seed), 16, self._store)
        self._wire: deque[tuple[int, int]] = deque()
        self._cycle = 0
        self._next = 0  # receive descriptor that drain() looks at

    # ------------------------------------------------------------------ memory
    def _load(self, address: int, length: int) -> bytes:
        return bytes(self.memory[address - BASE : address - BASE + length])

    def _store(self, burst: Any, beats: list[tuple[int, int]]) -> None:
        first = burst.addr & ~15
        for number, (data, strobes) in enumerate(beats):
            for lane in range(16):
                if strobes >> lane & 1:
                    self.memory[first - BASE + 16 * number + lane] = data >> 8 * lane & 0xFF

    # ------------------------------------------------------------------ power, clock, pins
    async def start(self, *, settle: int = 300) -> TopBench:
        dut = self.dut
        for channel in ("awvalid", "wvalid", "bready", "arvalid", "rready"):
            getattr(dut, f"s_axil_{channel}").value = 0
        for channel in ("arready", "rvalid", "rlast", "awready", "wready", "bvalid"):
            getattr(dut, f"m_axi_{channel}").value = 0
        dut.phy_link_i.value, dut.time_skip_i.value, dut.nvm_data_i.value = 1, 0, 0x1234
        dut.xgmii_rxd.value, dut.xgmii_rxc.value = IDLE
        dut.rst_ni.value = 1
        await Timer(1, "ns")
        dut.rst_ni.value = 0
        await Timer(1, "ns")
        for clock in (dut.clk_i, dut.xgmii_tx_clk_i, dut.xgmii_rx_clk_i):
            Clock(clock, 6400, unit="ps").start()
        await self.cycles(30)
        dut.rst_ni.value = 1
        cocotb.start_soon(self._run())
        await self.cycles(settle)
        return self

    async def cycles(self, count: int) -> None:
        for _ in range(count):
            await RisingEdge(self.dut.clk_i)

    async def _run(self) -> None:
        dut = self.dut
        while True:
            await RisingEdge(dut.clk_i)
            self._cycle += 1
            self._step_reads()
            self._step_writes()
            dut.xgmii_rxd.value, dut.xgmii_rxc.value = self._wire.popleft() if self._wire else IDLE

    def _step_reads(self) -> None:
        dut, slave = self.dut, self._reads
        request = None
        if dut.m_axi_arvalid.value:
            request = (int(dut.m_axi_arid.value), int(dut.m_axi_araddr.value), int(dut.m_axi_arlen.value))
        slave.step(self._cycle, request, int(dut.m_axi_rready.value))
        dut.m_axi_arready.value, dut.m_axi_rvalid.value = slave.request.ready, int(slave.r is not None)
        if slave.r:
            dut.m_axi_rid.value, dut.m_axi_rdata.value, dut.m_axi_rresp.value, dut.m_axi_rlast.value = slave.r

    def _step_writes(self) -> None:
        dut, slave = self.dut, self._writes
        request = data = None
        if dut.m_axi_awvalid.value:
            request = (int(dut.m_axi_awid.value), int(dut.m_axi_awaddr.value), int(dut.m_axi_awlen.value))
        if dut.m_axi_wvalid.value:
            data = (int(dut.m_axi_wdata.value), int(dut.m_axi_wstrb.value), int(dut.m_axi_wlast.value))
        slave.step(self._cycle, request, data, int(dut.m_axi_bready.value))
        dut.m_axi_awready.value, dut.m_axi_wready.value = slave.request.ready, slave.wready
        dut.m_axi_bvalid.value = int(slave.b is not None)
        if slave.b:
            dut.m_axi_bid.value, dut.m_axi_bresp.value = slave.b

    # ------------------------------------------------------------------ registers
    async def write(self, register: Any, value: int) -> None:
        dut = self.dut
        dut.s_axil_awaddr.value, dut.s_axil_wdata.value, dut.s_axil_wstrb.value = register.offset, value, 0xF
        dut.s_axil_awvalid.value = dut.s_axil_wvalid.value = dut.s_axil_bready.value = 1
        for _ in range(WAIT_CYCLES):
            await RisingEdge(dut.clk_i)
            if dut.s_axil_awready.value:
                dut.s_axil_awvalid.value = 0
            if dut.s_axil_wready.value:
                dut.s_axil_wvalid.value = 0
            if dut.s_axil_bvalid.value:
                return
        raise TimeoutError(f"no B for a write of {register.name}")

    async def read(self, register: Any) -> int:
        dut = self.dut
        dut.s_axil_araddr.value = register.offset
        dut.s_axil_arvalid.value = dut.s_axil_rready.value = 1
        for _ in range(WAIT_CYCLES):
            await RisingEdge(dut.clk_i)
            if dut.s_axil_arready.value:
                dut.s_axil_arvalid.value = 0
            if dut.s_axil_rvalid.value:
                return int(dut.s_axil_rdata.value)
        raise TimeoutError(f"no R for a read of {register.name}")

    # ------------------------------------------------------------------ traffic
    async def up(self, *, posted: int | None = None) -> None:
        """Link, empty rings, receiver and transmitter on, all but one receive descriptor given, or `posted`."""
        self._next = 0
        await self.write(regs.CTRL, regs.CTRL.SLU)
        await self.cycles(AUTONEG_CYCLES)
        for index in range(self.count):
            struct.pack_into("<QQ", self.memory, RX_RING + 16 * index, BASE + RX_DATA + RX_STEP * index, 0)
        for register, value in (
            (regs.RDBAL, BASE + RX_RING),
            (regs.RDLEN, 16 * self.count),
            (regs.TDBAL, BASE + TX_RING),
            (regs.TDLEN, 16 * self.count),
            (regs.RDT, self.count - 1 if posted is None else posted),
            (regs.RCTL, regs.RCTL.EN | regs.RCTL.UPE | regs.RCTL.BAM | regs.RCTL.SECRC),
            (regs.TCTL, regs.TCTL.EN | regs.TCTL.PSP),
        ):
            await self.write(register, value)

    async def transmit(self, index: int, length: int) -> None:
        """One frame of `length` bytes from descriptor `index`: EOP, IFCS, RS."""
        struct.pack_into("<QHBBI", self.memory, TX_RING + 16 * index, BASE + TX_DATA, length, 0, 0x0B, 0)
        await self.write(regs.TDT, index + 1)

    def receive(self, payload: bytes) -> None:
        """Put a frame on the wire, from lane 0."""
        frame = bytes([START]) + b"\x55" * 6 + b"\xd5" + payload + struct.pack("<I", zlib.crc32(payload))
        control = [1] + [0] * (len(frame) - 1) + [1]
        frame += bytes([TERMINATE])
        missing = -len(frame) % 8
        frame, control = frame + bytes([BLANK] * missing), control + [1] * missing
        for at in range(0, len(frame), 8):
            bits = sum(flag << lane for lane, flag in enumerate(control[at : at + 8]))
            self._wire.append((int.from_bytes(frame[at : at + 8], "little"), bits))
        self._wire.extend([IDLE] * 3)

    @property
    def on_the_wire(self) -> int:
        """Words that are still to come in."""
        return len(self._wire)

    async def drain(self, cycles: int, *, until: Callable[[list[bytes]], bool] | None = None) -> list[bytes]:
        """Take frames as they are written back, in order, and give their descriptors again, for so many cycles."""
        frames: list[bytes] = []
        for _ in range(cycles):
            while (frame := self.received(self._next)) is not None:
                frames.append(frame)
                struct.pack_into("<Q", self.memory, RX_RING + 16 * self._next + 8, 0)
                await self.write(regs.RDT, self._next)
                self._next = (self._next + 1) % self.count
            if until and until(frames):
                break
            await RisingEdge(self.dut.clk_i)
        return frames

    def received(self, index: int) -> bytes | None:
        """What descriptor `index` was given, once it says DD."""
        _, length, _, status = struct.unpack_from("<QHHB", self.memory, RX_RING + 16 * index)
        at = RX_DATA + RX_STEP * index
        return bytes(self.memory[at : at + length]) if status & 1 else None
