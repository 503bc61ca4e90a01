# SPDX-License-Identifier: MIT
"""What hardware does beside a read or a write that clears it: in every cycle from before the access to after it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import cocotb
from cocotb.triggers import RisingEdge

from driver.e1000e import regs
from driver.e1000e.regs import CTRL, ICR, IMC, IMS, MDIC, STATUS
from sim.runner import simulate
from tests.hdl.csr.csr_bench import AUTONEG_CYCLES, MDIO_CYCLES, CsrBench, design
from tests.hdl.csr.rdl_model import ALL_ONES
from tests.hdl.sim_helpers import struct

OFFSETS = range(14)  # cycles from the start of an access to after its end
CYCLES_1024NS = 160


async def beside(bench: CsrBench, offset: int, happen: Callable[[], Awaitable[object]], access: Awaitable[int]) -> int:
    """`happen` starts `offset` cycles after `access` does (negative: before); what was read, when both have ended."""

    async def later() -> None:
        await bench.cycles(offset)
        await happen()

    task = cocotb.start_soon(later())
    await bench.cycles(-offset)
    value = await access
    await task
    await bench.cycles(4)
    return value


def movers(bench: CsrBench) -> dict[str, Callable[[], Awaitable[object]]]:
    """For each counter something that moves it by one."""
    sizes = {"64": 64, "127": 100, "255": 200, "511": 300, "1023": 600, "1522": 1500}
    outcomes = {"CRCERRS": "crc_err", "RXERRC": "sym_err", "MPC": "missed", "RUC": "undersize", "RFC": "fragment"}
    outcomes |= {"ROC": "oversize", "RJC": "jabber", "RLEC": "oversize", "TPR": "filtered", "GPRC": "good"}
    found: dict[str, Callable[[], Awaitable[object]]] = {
        "RNBC": lambda: bench._pulse(bench.dut.rnbc_i, 1),
        "BPRC": lambda: bench.rx(good=1, bytes=64, broadcast=1, multicast=1),
        "MPRC": lambda: bench.rx(good=1, bytes=64, multicast=1),
        "BPTC": lambda: bench.tx(bytes=64, broadcast=1, multicast=1),
        "MPTC": lambda: bench.tx(bytes=64, multicast=1),
        "GPTC": lambda: bench.tx(bytes=64),
        "TPT": lambda: bench.tx(bytes=64),
        "IAC": lambda: bench.event(txqe=1),
    }
    for name, octets in sizes.items():
        found["PRC" + name] = lambda octets=octets: bench.rx(good=1, bytes=octets)
        found["PTC" + name] = lambda octets=octets: bench.tx(bytes=octets)
    for name, outcome in outcomes.items():
        found[name] = lambda outcome=outcome: bench.rx(bytes=64, **{outcome: 1})
    flow = {"XONRXC": "xon_rx", "XONTXC": "xon_tx", "XOFFRXC": "xoff_rx", "XOFFTXC": "xoff_tx", "FCRUC": "unsupported"}
    for name, bit in flow.items():
        value = struct("flow_event_t").pack(**{bit: 1})
        found[name] = lambda value=value: bench._pulse(bench.dut.flow_event_i, value)
    for name, bit in {"ICTXQEC": "txqe", "ICTXQMTC": "txd_low", "ICRXDMTC": "rxdmt0", "ICRXOC": "rxo"}.items():
        found[name] = lambda bit=bit: bench.event(**{bit: 1})
    return found


# Of a delay: its registers' values (the first to end is the one that counts), and the event that starts it.
TIMERS = {
    "ICRXPTC": ({regs.RDTR: 1, regs.RADV: 2}, "rxt0"),
    "ICRXATC": ({regs.RDTR: 2, regs.RADV: 1}, "rxt0"),
    "ICTXPTC": ({regs.TIDV: 1, regs.TADV: 2}, "txdw_ide"),
    "ICTXATC": ({regs.TIDV: 2, regs.TADV: 1}, "txdw_ide"),
}


@cocotb.test()
async def counters_keep_what_comes_with_the_clearing_read(dut: Any) -> None:
    bench = await CsrBench(dut).start()
    await bench.write(IMS, ICR.TXQE)
    pairs = ("GORC", "GOTC", "TOR", "TOT")
    moves = movers(bench)
    assert moves.keys() == {r.name for r in regs.STATISTICS if r.name[:-1] not in pairs and r.name not in TIMERS}
    for name, move in moves.items():
        register = getattr(regs, name)
        await bench.read(register)
        seen = []
        for offset in OFFSETS:
            first = await beside(bench, offset, move, bench.read(register))
            await bench.read(ICR)
            second = await bench.read(register)
            assert first + second == 1, f"{name}, offset {offset}"
            seen.append(first)
        assert 0 in seen and 1 in seen, f"{name}: the events were around the clear"


@cocotb.test()
async def ends_of_delays_keep_what_comes_with_the_clearing_read(dut: Any) -> None:
    bench = await CsrBench(dut).start()
    for name, (delays, event) in TIMERS.items():
        register = getattr(regs, name)
        for delay, value in delays.items():
            await bench.write(delay, value)

        async def wait_for_it(event: str = event) -> None:
            await bench.event(**{event: 1})
            await bench.cycles(CYCLES_1024NS)

        seen = []
        for offset in OFFSETS:
            first = await beside(bench, offset - CYCLES_1024NS, wait_for_it, bench.read(register))
            assert first + await bench.read(register) == 1, f"{name}, offset {offset}"
            seen.append(first)
        assert 0 in seen and 1 in seen, f"{name}: the ends were around the clear"


@cocotb.test()
async def octets_keep_what_comes_with_the_clearing_read(dut: Any) -> None:
    bench = await CsrBench(dut).start()
    for name, move in (
        ("GORC", lambda: bench.rx(good=1, bytes=1000)),
        ("TOR", lambda: bench.rx(filtered=1, bytes=1000)),
        ("GOTC", lambda: bench.tx(bytes=1000)),
        ("TOT", lambda: bench.tx(bytes=1000)),
    ):
        low, high = getattr(regs, name + "L"), getattr(regs, name + "H")

        async def pair(low: regs.Readable = low, high: regs.Readable = high) -> int:
            return await bench.read(low) | await bench.read(high) << 32

        await pair()
        seen = []
        for offset in range(24):
            first = await beside(bench, offset, move, pair())
            assert first + await pair() == 1000, f"{name}, offset {offset}"
            seen.append(first)
        assert 0 in seen and 1000 in seen


@dataclass(frozen=True)
class Event:
    """happen: ends when its causes rise, `lead` cycles after it began. parts: what rises in one cycle each.
    prepare: before each."""

    parts: tuple[int, ...]
    happen: Callable[[CsrBench], Awaitable[object]]
    lead: int = 0
    prepare: Callable[[CsrBench], Awaitable[object]] | None = None

    @property
    def causes(self) -> int:
        return sum(self.parts)


def of_dma(bit: str, *parts: int) -> Event:
    return Event(parts, lambda bench: bench.event(**{bit: 1}))


UNPLUG_CYCLES, MDIC_CYCLES = 5, MDIO_CYCLES + 2


async def plug(bench: CsrBench) -> None:
    bench.dut.phy_link_i.value = 1
    await bench.cycles(AUTONEG_CYCLES + 8)


async def unplug(bench: CsrBench) -> None:
    bench.dut.phy_link_i.value = 0
    await bench.cycles(UNPLUG_CYCLES)


async def ask_the_phy(bench: CsrBench) -> None:
    start = bench.cycle
    await bench.write(MDIC, MDIC.OP.put(regs.MdiOp.READ) | MDIC.PHYADD.put(1) | MDIC.IE)
    await bench.cycles(start + MDIC_CYCLES - bench.cycle)


EVENTS = {
    "txdw": of_dma("txdw", ICR.TXDW | ICR.TXQ0),
    "txdw_ide": of_dma("txdw_ide", ICR.TXDW | ICR.TXQ0),
    "txqe": of_dma("txqe", ICR.TXQE),
    "txd_low": of_dma("txd_low", ICR.TXD_LOW),
    "rxt0": of_dma("rxt0", ICR.RXT0 | ICR.RXQ0),
    "rxdmt0": of_dma("rxdmt0", ICR.RXDMT0 | ICR.RXQ0),
    "rxo": of_dma("rxo", ICR.RXO | ICR.OTHER),
    "srpd": of_dma("srpd", ICR.SRPD | ICR.OTHER, ICR.RXT0 | ICR.RXQ0),
    "lsc": Event((ICR.LSC | ICR.OTHER,), unplug, UNPLUG_CYCLES, plug),
    "mdac": Event((ICR.MDAC | ICR.OTHER,), ask_the_phy, MDIC_CYCLES),
}


@cocotb.test()
async def causes_that_come_with_a_clear_stay(dut: Any) -> None:
    """By a read, and by writing ones: each event is told exactly once, or still there."""
    bench = await CsrBench(dut).start()
    await bench.write(CTRL, CTRL.SLU)
    assert EVENTS.keys() == {name for name, _ in struct("dma_event_t").fields} | {"lsc", "mdac"}

    async def clear() -> int:
        await bench.write(ICR, ALL_ONES)
        return 0

    for name, event in EVENTS.items():

        async def round_of(offset: int, access: Callable[[], Awaitable[int]], event: Event = event) -> tuple[int, int]:
            if event.prepare:
                await event.prepare(bench)
                await bench.read(ICR)
            first = await beside(bench, offset - event.lead, lambda: event.happen(bench), access())
            return first, await bench.read(ICR)

        seen = []
        for offset in OFFSETS:
            first, second = await round_of(offset, lambda: bench.read(ICR))
            told = [(first & part, second & part) for part in event.parts]
            assert first | second == event.causes, f"{name}, offset {offset}"
            assert all(pair in ((part, 0), (0, part)) for pair, part in zip(told, event.parts, strict=True)), name
            seen.append(bool(first))
        assert seen == sorted(seen, reverse=True) and seen[0] and not seen[-1], f"{name}: told if before it"

        kept = []
        for offset in OFFSETS:
            _, left = await round_of(offset, clear)
            parts = [left & part for part in event.parts]
            assert left == sum(parts) and all(got in (0, part) for got, part in zip(parts, event.parts, strict=True))
            kept.append(parts)
        for each in zip(*kept, strict=True):
            stays = [bool(bits) for bits in each]
            assert stays == sorted(stays) and stays[-1] and not stays[0], f"{name}: gone before, kept with it and after"


@cocotb.test()
async def an_event_beside_a_flush_makes_one_interrupt(dut: Any) -> None:
    bench = await CsrBench(dut).start()
    for event, register, cause in (
        ("rxt0", regs.RDTR, ICR.RXT0 | ICR.RXQ0),
        ("txdw_ide", regs.TIDV, ICR.TXDW | ICR.TXQ0),
    ):
        early = []

        async def flush(register: Any = register) -> int:
            await bench.write(register, register.FPD | 1)
            return 0

        for offset in OFFSETS:
            await bench.write(register, 1)
            await beside(bench, offset, lambda event=event: bench.event(**{event: 1}), flush())
            told = [await bench.read(ICR)]
            early.append(bool(told[0]))
            await bench.cycles(200)
            told.append(await bench.read(ICR))
            assert sorted(told) == [0, cause], f"{event}, offset {offset}"
        assert True in early and False in early


@cocotb.test()
async def phy_reset_wins_over_the_clear(dut: Any) -> None:
    bench = await CsrBench(dut).start()
    await bench.write(STATUS, 0)
    assert not await bench.read(STATUS) & STATUS.PHYRA
    await bench.write(CTRL, CTRL.PHY_RST)
    await bench.write(STATUS, 0)
    assert await bench.read(STATUS) & STATUS.PHYRA, "set and cleared in the same cycle"
    await bench.write(CTRL, 0)
    await bench.write(STATUS, 0)
    assert not await bench.read(STATUS) & STATUS.PHYRA


@cocotb.test()
async def a_head_that_moves_is_read_whole(dut: Any) -> None:
    bench = await CsrBench(dut).start()
    for register, port in ((regs.RDH, dut.rx_head_i), (regs.TDH, dut.tx_head_i)):
        seen = set()
        for offset in OFFSETS:
            port.value = 0x00FF

            async def move(port: Any = port) -> None:
                port.value = 0x0100
                await RisingEdge(dut.clk_i)

            value = await beside(bench, offset, move, bench.read(register))
            assert value in (0x00FF, 0x0100)
            seen.add(value)
            assert await bench.read(register) == 0x0100
        assert len(seen) == 2


@cocotb.test()
async def enabling_beside_an_event_interrupts(dut: Any) -> None:
    """IMS and the event in any order: the line rises once."""
    bench = await CsrBench(dut).start()

    async def enable() -> int:
        await bench.write(IMS, ICR.TXQE)
        return 0

    for offset in OFFSETS:
        before = len(bench.rises())
        await beside(bench, offset, lambda: bench.event(txqe=1), enable())
        assert len(bench.rises()) == before + 1
        assert await bench.read(ICR) == ICR.TXQE | ICR.INT_ASSERTED
        await bench.write(IMC, IMC.ALL)


def test_clears(tmp_path):
    assert simulate(design(), "tests.hdl.csr.test_clears", folder=tmp_path).passed == 8
