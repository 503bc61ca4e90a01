# SPDX-License-Identifier: MIT
"""The register bus by a master that does not wait: addresses, data and answers of several accesses at a time."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cocotb
from cocotb.triggers import RisingEdge

from driver.e1000e import regs
from driver.e1000e.regs import EXTCNF_CTRL, STATUS, SWSM
from sim.runner import simulate
from tests.hdl.csr.csr_bench import CsrBench, design

# All 32 bits are kept; flip-flops, both memories, neighbours in arrays.
PLACES = [
    r.offset for r in (
        regs.RDBAH, regs.TDBAH, regs.FCAL, regs.RAL[3], regs.RAL[4], regs.MTA[5], regs.MTA[6], regs.VFTA[7],
        regs.VFTA[8], regs.RETA[9],
    )
]  # fmt: skip
NEVER = 1 << 60
# From the cycle in which an access is on the pins of an idle bus to the one in which its answer is.
WRITE_CYCLES, READ_CYCLES = 4, 6


@dataclass
class Write:
    address: int
    value: int
    strobes: int
    began: int = NEVER  # the first cycle in which address and datum can both have been there
    ended: int = NEVER  # B is taken

    @property
    def counts(self) -> bool:
        return self.strobes == 0xF


@dataclass
class Read:
    address: int
    began: int = NEVER
    ended: int = NEVER
    value: int = 0


@dataclass
class Channel:
    """One of AW, W, AR: what is to be sent, signal by signal; is the first of it on the pins; how many went."""

    name: str
    queue: deque[dict[str, int]]
    offered: bool = False
    sent: int = 0


class Master:
    """Sends `accesses`, in order in each direction, as fast as `busy` (0 to 1) says; takes answers when it likes."""

    def __init__(self, bench: CsrBench, accesses: list[Write | Read], busy: float) -> None:
        self.bench, self.busy = bench, busy
        self.writes = [a for a in accesses if isinstance(a, Write)]
        self.reads = [a for a in accesses if isinstance(a, Read)]
        self.aw = Channel("aw", deque({"addr": w.address} for w in self.writes))
        self.w = Channel("w", deque({"data": w.value, "strb": w.strobes} for w in self.writes))
        self.ar = Channel("ar", deque({"addr": r.address} for r in self.reads))
        self.written = self.read = 0

    async def run(self) -> None:
        """Raises: AssertionError if the card claims to be idle meanwhile, TimeoutError."""
        dut = self.bench.dut
        quiet = 0
        while self.written < len(self.writes) or self.read < len(self.reads):
            for channel in (self.aw, self.w, self.ar):
                self._offer(channel)
            dut.s_axil_bready.value = int(self._now())
            dut.s_axil_rready.value = int(self._now())
            await RisingEdge(dut.clk_i)
            under_way = any(c.offered for c in (self.aw, self.w, self.ar)) or self._unanswered()
            assert not (under_way and int(dut.idle_o.value)), "idle with an access under way"
            moved = self._handshakes()
            quiet = 0 if moved else quiet + 1
            if quiet > 200:
                raise TimeoutError("the bus stands still")
        dut.s_axil_bready.value = dut.s_axil_rready.value = 0

    def _now(self) -> bool:
        return self.bench.random.random() < self.busy

    def _unanswered(self) -> bool:
        return max(self.aw.sent, self.w.sent) > self.written or self.ar.sent > self.read

    def _offer(self, channel: Channel) -> None:
        if channel.offered or not channel.queue or not self._now():
            return
        channel.offered = True
        for name, value in channel.queue[0].items():
            getattr(self.bench.dut, f"s_axil_{channel.name}{name}").value = value
        getattr(self.bench.dut, f"s_axil_{channel.name}valid").value = 1
        cycle = self.bench.cycle
        if channel is self.ar:
            self.reads[channel.sent].began = cycle
        else:
            write = self.writes[channel.sent]
            write.began = cycle if write.began == NEVER else max(write.began, cycle)

    def _handshakes(self) -> bool:
        dut, moved = self.bench.dut, False
        cycle = self.bench.cycle - 1  # the one that the edge ended
        for channel in (self.aw, self.w, self.ar):
            if channel.offered and int(getattr(dut, f"s_axil_{channel.name}ready").value):
                getattr(dut, f"s_axil_{channel.name}valid").value = 0
                channel.queue.popleft()
                channel.offered = False
                channel.sent += 1
                moved = True
        if int(dut.s_axil_bvalid.value) and int(dut.s_axil_bready.value):
            assert self.written < min(self.aw.sent, self.w.sent), "B of no write"
            self.writes[self.written].ended = cycle
            self.written += 1
            moved = True
        if int(dut.s_axil_rvalid.value) and int(dut.s_axil_rready.value):
            assert self.read < self.ar.sent, "R of no read"
            read = self.reads[self.read]
            read.ended, read.value = cycle, int(dut.s_axil_rdata.value)
            self.read += 1
            moved = True
        return moved


def legal(read: Read, writes: list[Write], before: int) -> set[int]:
    """What `read` may say: the last write that had ended when it began, or one that was under way meanwhile."""
    mine = [w for w in writes if w.address == read.address and w.counts]
    ended = [w.value for w in mine if w.ended < read.began]
    return {ended[-1] if ended else before} | {w.value for w in mine if w.ended >= read.began and w.began <= read.ended}


@cocotb.test()
async def accesses_close_together_do_not_mix(dut: Any) -> None:
    """Writes behind writes, reads behind reads, each behind the other, strobes; every value is of one write alone."""
    bench = await CsrBench(dut).start()
    random = bench.random
    values = {place: 0 for place in PLACES}
    for place in PLACES:
        await bench.write(place, 0)
    for busy in (1.0, 1.0, 0.9, 0.5, 0.2):
        for share in (0.0, 0.5, 1.0):
            accesses: list[Write | Read] = []
            for _ in range(200):
                place = random.choice(PLACES)
                if random.random() < share:
                    strobes = 0xF if random.random() < 0.8 else random.randrange(15)
                    accesses.append(Write(place, random.getrandbits(32), strobes))
                else:
                    accesses.append(Read(place))
            master = Master(bench, accesses, busy)
            await master.run()
            for read in master.reads:
                assert read.value in legal(read, master.writes, values[read.address]), f"{read}"
            for write in master.writes:
                if write.counts:
                    values[write.address] = write.value
            for place, value in values.items():
                assert await bench.read(place) == value, f"{place:#x}"


@cocotb.test()
async def an_access_takes_as_long_as_the_module_says(dut: Any) -> None:
    bench = await CsrBench(dut).start()
    for place in PLACES:
        master = Master(bench, [Write(place, 0x1234_5678, 0xF)], 1.0)
        await master.run()
        assert master.writes[0].ended - master.writes[0].began == WRITE_CYCLES
        master = Master(bench, [Read(place)], 1.0)
        await master.run()
        assert master.reads[0].value == 0x1234_5678
        assert master.reads[0].ended - master.reads[0].began == READ_CYCLES


@cocotb.test()
async def nothing_of_an_access_outlives_a_power_on_reset(dut: Any) -> None:
    """EXTCNF_CTRL, SWSM and STATUS.PHYRA outlive CTRL.RST: an access that this reset meets must not reach them."""
    for delay in range(WRITE_CYCLES + 6):
        for kind in ("write", "clear", "read"):
            bench = await CsrBench(dut).start()
            if kind == "read":
                access: Write | Read = Read(SWSM.offset)
            elif kind == "write":
                access = Write(EXTCNF_CTRL.offset, EXTCNF_CTRL.MDIO_SW_OWNERSHIP, 0xF)
            else:
                access = Write(STATUS.offset, 0, 0xF)
            running = cocotb.start_soon(Master(bench, [access], 1.0).run())
            await bench.cycles(delay)
            dut.rst_ni.value = 0
            running.cancel()
            bench = await CsrBench(dut).start()
            found = [await bench.read(r) for r in (EXTCNF_CTRL, SWSM, STATUS)]
            assert not found[0] & EXTCNF_CTRL.MDIO_SW_OWNERSHIP, (kind, delay)
            assert not found[1] & SWSM.SMBI and found[2] & STATUS.PHYRA, (kind, delay)


def test_pipelined(tmp_path: Path) -> None:
    assert simulate(design(), "tests.hdl.csr.test_pipelined", folder=tmp_path).passed == 3
