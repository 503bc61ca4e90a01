# SPDX-License-Identifier: MIT
"""Every register of nic.rdl by random accesses against its access kinds; hardware's events around every clear."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Awaitable, Callable
from typing import Any

import cocotb
from cocotb.triggers import RisingEdge

from driver.e1000e import regs
from driver.e1000e.regs import CTRL, ICR, IMC, IMS, STATUS
from sim.runner import simulate
from tests.hdl.csr.csr_bench import MAC_WORDS, CsrBench, design
from tests.hdl.csr.rdl_model import ALL_ONES, Model, Word, words
from tests.hdl.sim_helpers import struct

MAC = MAC_WORDS[0] | MAC_WORDS[1] << 16 | MAC_WORDS[2] << 32
OFFSETS = range(14)  # cycles from the start of an access to after its end
# Bits that make the card do something by itself: reset, stop of the bus, reset of the PHY, link.
STARTS = {"CTRL": CTRL.RST | CTRL.PHY_RST | CTRL.GIO_MASTER_DISABLE | CTRL.SLU}


def accessible(every: list[Word]) -> dict[str, list[Word]]:
    """Registers by group. Not those where a write starts something (MDIC, EERD: test_nvm_phy), and ITR stays 0."""
    groups: dict[str, list[Word]] = defaultdict(list)
    for word in every:
        if not word.command and word.name != "ITR":
            groups[word.group].append(word)
    return groups


def harmless(word: Word, value: int) -> int:
    return value & ~word.mask(lambda f: f.pulse) & ~STARTS.get(word.name, 0)


@cocotb.test()
async def random_accesses_obey_the_access_kinds(dut: Any) -> None:
    bench = await CsrBench(dut).start()
    every = words()
    model, groups = Model(every, MAC), accessible(every)
    random = bench.random
    touched: dict[str, set[str]] = defaultdict(set)

    async def check(word: Word, address: int) -> None:
        await bench.cycles(3)
        got, expected = await bench.read(address), model.read(word)
        assert got == expected, f"{word.name} at {address:#x}: {got:#010x}, not {expected:#010x}"

    for word in random.sample(every, len(every)):
        await check(word, word.address)
    for number in range(6000):
        word = random.choice(groups[random.choice([*groups])])
        address = random.choice([a for a in (word.address, word.legacy) if a is not None])
        kind = random.choice(("read", "write", "write", "part"))
        if kind == "read":
            await check(word, address)
        else:
            value = random.choice((random.getrandbits(32), random.getrandbits(32), 0, ALL_ONES))
            value = harmless(word, value) if word.name != "STATUS" else value
            strobes = 0xF if kind == "write" else random.randrange(15)
            await bench.write(address, value, strobes=strobes, skew=random.randint(-2, 2))
            if kind == "write":
                model.write(word, value)
        touched[kind].add(word.group)
        if number % 1000 == 999:
            for word in random.sample(every, len(every) // 4):
                await check(word, word.address)
    for word in random.sample(every, len(every)):
        await check(word, word.address)
    assert all(touched[kind] == {*groups} for kind in ("read", "write", "part"))
    assert len(groups) > 150 and len(every) > 480


async def beside(bench: CsrBench, offset: int, happen: Callable[[], Awaitable[object]], access: Awaitable[int]) -> int:
    """`happen` starts `offset` cycles after `access` does; what the access read, when both have ended."""

    async def later() -> None:
        await bench.cycles(offset)
        await happen()

    task = cocotb.start_soon(later())
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


@cocotb.test()
async def counters_keep_what_comes_with_the_clearing_read(dut: Any) -> None:
    bench = await CsrBench(dut).start()
    await bench.write(IMS, ICR.TXQE)
    pairs = ("GORC", "GOTC", "TOR", "TOT")
    timers = ("ICRXPTC", "ICRXATC", "ICTXPTC", "ICTXATC")  # of the delays: below
    moves = movers(bench)
    assert moves.keys() == {r.name for r in regs.STATISTICS if r.name[:-1] not in pairs and r.name not in timers}
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


CAUSES = {
    "txdw": ICR.TXDW | ICR.TXQ0,
    "txdw_ide": ICR.TXDW | ICR.TXQ0,
    "txqe": ICR.TXQE,
    "txd_low": ICR.TXD_LOW,
    "rxt0": ICR.RXT0 | ICR.RXQ0,
    "rxdmt0": ICR.RXDMT0 | ICR.RXQ0,
    "rxo": ICR.RXO | ICR.OTHER,
}


@cocotb.test()
async def causes_that_come_with_a_clear_stay(dut: Any) -> None:
    """By a read, and by writing ones: each event is told exactly once, or still there."""
    bench = await CsrBench(dut).start()
    assert {*CAUSES, "srpd"} == {name for name, _ in struct("dma_event_t").fields}
    for name, causes in CAUSES.items():
        seen = []
        for offset in OFFSETS:
            first = await beside(bench, offset, lambda name=name: bench.event(**{name: 1}), bench.read(ICR))
            second = await bench.read(ICR)
            assert (first, second) in ((causes, 0), (0, causes)), f"{name}, offset {offset}"
            seen.append(bool(first))
        assert True in seen and False in seen

        async def clear() -> int:
            await bench.write(ICR, ALL_ONES)
            return 0

        kept = []
        for offset in OFFSETS:
            await beside(bench, offset, lambda name=name: bench.event(**{name: 1}), clear())
            left = await bench.read(ICR)
            assert left in (0, causes), f"{name}, offset {offset}"
            kept.append(bool(left))
        assert kept == sorted(kept) and True in kept and False in kept, "gone before it, kept with it and after"


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
async def a_head_that_is_written_reaches_the_data_path(dut: Any) -> None:
    bench = await CsrBench(dut).start()
    for register, load in ((regs.RDH, dut.rx_head_load_o), (regs.TDH, dut.tx_head_load_o)):
        for value in (0x1234, 0xFFFF, 0):
            loads = []

            async def watch(loads: list[int] = loads, load: Any = load) -> None:
                while True:
                    await RisingEdge(dut.clk_i)
                    if int(load.value):
                        loads.append(int(dut.head_value_o.value))

            task = cocotb.start_soon(watch())
            await bench.write(register, value)
            await bench.cycles(3)
            task.cancel()
            assert loads == [value]
            assert await bench.read(register) == value


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


def test_bus(tmp_path):
    assert simulate(design(), "tests.hdl.csr.test_bus", folder=tmp_path).passed == 9
