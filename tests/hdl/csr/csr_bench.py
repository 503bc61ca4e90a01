# SPDX-License-Identifier: MIT
"""nic_csr on a bench: an AXI4-Lite master, an NVM, head registers that can be loaded, a log of what came out."""

from __future__ import annotations

import sys
from pathlib import Path
from random import Random
from typing import Any

import cocotb
from cocotb.triggers import RisingEdge
from cocotb.utils import get_sim_time

from driver.e1000e.regs import Register
from sim.runner import Design, nic_sources
from tests.hdl.sim_helpers import CORE_PERIOD_NS, start_clock_and_reset, struct

sys.path.append(str(Path(__file__).resolve().parents[3] / "hdl" / "csr"))

PERIOD_PS = round(CORE_PERIOD_NS * 1000)
NVM_SUM = 0xBABA
NVM_WORDS = 64  # that the checksum covers
MAC_WORDS = (0x5452, 0x1200, 0xEFBE)
RESET_CYCLES_MAX = 312  # 2 us
TIMEOUT_CYCLES = 2000
AUTONEG_CYCLES = 400
MDIO_CYCLES = 32


def design() -> Design:
    return Design(
        "nic_csr", nic_sources("nic_csr"), {"AutonegCycles": AUTONEG_CYCLES, "MdioCycles": MDIO_CYCLES}
    )


def nvm_image() -> list[int]:
    """4096 words: MAC address, counting words, a valid checksum in word 63."""
    words = [*MAC_WORDS, *(0x0101 * (i & 0xFF) for i in range(3, 4096))]
    words[NVM_WORDS - 1] = NVM_SUM - sum(words[: NVM_WORDS - 1]) & 0xFFFF
    return words


class CsrBench:
    """One nic_csr. `cycle` counts edges; a value set after edge c is there during cycle c."""

    def __init__(self, dut: Any) -> None:
        self.dut = dut
        self.random = Random(cocotb.RANDOM_SEED)
        self.nvm = nvm_image()
        self._origin_ps = 0
        self.intx: list[int] = []  # during each cycle
        self.link: list[int] = []
        self.resets = 0  # edges at which dp_rst_no was low

    async def start(self, *, cable: bool = False, wait: bool = True) -> CsrBench:
        dut = self.dut
        for name in ("awaddr", "awprot", "awvalid", "wdata", "wstrb", "wvalid", "bready"):
            getattr(dut, f"s_axil_{name}").value = 0
        for name in ("araddr", "arprot", "arvalid", "rready"):
            getattr(dut, f"s_axil_{name}").value = 0
        for name in ("rx_head", "tx_head", "mta_en", "mta_index", "event", "rx_stat", "rnbc", "tx_stat"):
            getattr(dut, f"{name}_i").value = 0
        for name in ("flow_event", "paused", "flow_deadline"):
            getattr(dut, f"{name}_i").value = 0
        dut.nvm_data_i.value = 0
        dut.phy_link_i.value = int(cable)
        dut.dma_idle_i.value = 1
        dut.engines_idle_i.value = 1
        dut.time_skip_i.value = 0
        await start_clock_and_reset(dut)
        self._origin_ps = get_sim_time("ps")
        cocotb.start_soon(self._watch())
        if wait:
            await self.until(lambda: not int(dut.stop_o.value), RESET_CYCLES_MAX)
        return self

    @property
    def cycle(self) -> int:
        """The cycle that the last edge began; of the time alone, so the order of coroutines does not matter."""
        return round((get_sim_time("ps") - self._origin_ps) / PERIOD_PS)

    async def _watch(self) -> None:
        dut = self.dut
        while True:
            await RisingEdge(dut.clk_i)
            self.intx.append(int(dut.intx_o.value))
            self.link.append(int(dut.link_o.value))
            self.resets += not int(dut.dp_rst_no.value)
            if int(dut.nvm_en_o.value):
                dut.nvm_data_i.value = self.nvm[int(dut.nvm_addr_o.value)]
            if int(dut.rx_head_load_o.value):
                dut.rx_head_i.value = int(dut.head_value_o.value)
            if int(dut.tx_head_load_o.value):
                dut.tx_head_i.value = int(dut.head_value_o.value)

    async def cycles(self, count: int) -> None:
        for _ in range(count):
            await RisingEdge(self.dut.clk_i)

    async def until(self, condition: Any, limit: int = TIMEOUT_CYCLES) -> int:
        """Wait for condition(); the cycles it took. Raises: TimeoutError."""
        for waited in range(limit):
            if condition():
                return waited
            await RisingEdge(self.dut.clk_i)
        raise TimeoutError(f"not in {limit} cycles")

    # ---------------------------------------------------------------- register access
    async def write(self, register: Register | int, value: int, *, strobes: int = 0xF, skew: int = 0) -> None:
        """AXI write, back after B. skew: cycles by which W follows AW (negative: precedes)."""
        dut = self.dut
        dut.s_axil_awaddr.value = register if isinstance(register, int) else register.offset
        dut.s_axil_wdata.value = value
        dut.s_axil_wstrb.value = strobes
        delays = {"aw": max(0, -skew), "w": max(0, skew)}
        dut.s_axil_bready.value = 0
        while delays:
            for channel in [c for c, wait in delays.items() if wait <= 0]:
                getattr(dut, f"s_axil_{channel}valid").value = 1
            await RisingEdge(dut.clk_i)
            for channel in list(delays):
                valid, ready = (getattr(dut, f"s_axil_{channel}{end}") for end in ("valid", "ready"))
                delays[channel] -= 1
                if int(valid.value) and int(ready.value):
                    valid.value = 0
                    del delays[channel]
        await self._take("b")
        assert int(dut.s_axil_bresp.value) == 0

    async def read(self, register: Register | int) -> int:
        dut = self.dut
        dut.s_axil_araddr.value = register if isinstance(register, int) else register.offset
        dut.s_axil_arvalid.value = 1
        await RisingEdge(dut.clk_i)
        while not int(dut.s_axil_arready.value):
            await RisingEdge(dut.clk_i)
        dut.s_axil_arvalid.value = 0
        await self._take("r")
        assert int(dut.s_axil_rresp.value) == 0
        return int(dut.s_axil_rdata.value)

    async def _take(self, channel: str) -> None:
        """Accept one answer, after a random pause."""
        ready, valid = (getattr(self.dut, f"s_axil_{channel}{end}") for end in ("ready", "valid"))
        for _ in range(self.random.choice((0, 0, 1, 3))):
            await RisingEdge(self.dut.clk_i)
        ready.value = 1
        await RisingEdge(self.dut.clk_i)
        await self.until(lambda: int(valid.value), 50)
        ready.value = 0

    # ---------------------------------------------------------------- stimuli of one cycle
    async def event(self, **bits: int) -> None:
        """DMA events for one cycle."""
        await self._pulse(self.dut.event_i, struct("dma_event_t").pack(**bits))

    async def rx(self, **fields: int) -> None:
        await self._pulse(self.dut.rx_stat_i, struct("rx_stat_t").pack(valid=1, **fields))

    async def tx(self, **fields: int) -> None:
        await self._pulse(self.dut.tx_stat_i, struct("tx_stat_t").pack(valid=1, **fields))

    async def _pulse(self, port: Any, value: int) -> None:
        port.value = value
        await RisingEdge(self.dut.clk_i)
        port.value = 0

    def rises(self) -> list[int]:
        """Cycles in which intx_o rose."""
        return [c for c in range(1, len(self.intx)) if self.intx[c] and not self.intx[c - 1]]
