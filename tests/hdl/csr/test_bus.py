# SPDX-License-Identifier: MIT
"""Every register of nic.rdl by accesses, in order and at random, against its access kinds."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import cocotb
from cocotb.triggers import RisingEdge

from driver.e1000e import regs
from driver.e1000e.regs import CTRL
from sim.runner import simulate
from tests.hdl.csr.csr_bench import MAC_WORDS, CsrBench, design
from tests.hdl.csr.rdl_model import ALL_ONES, Model, Word, words

MAC = MAC_WORDS[0] | MAC_WORDS[1] << 16 | MAC_WORDS[2] << 32
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


def addresses(word: Word) -> list[int]:
    return [a for a in (word.address, word.legacy) if a is not None]


async def check(bench: CsrBench, model: Model, word: Word, address: int) -> None:
    await bench.cycles(3)
    got, expected = await bench.read(address), model.read(word)
    assert got == expected, f"{word.name} at {address:#x}: {got:#010x}, not {expected:#010x}"


@cocotb.test()
async def every_word_keeps_what_it_should(dut: Any) -> None:
    """Each word of each array, and each legacy address: ones, zeros, random bits, read at both addresses."""
    bench = await CsrBench(dut).start()
    every = words()
    model, groups = Model(every, MAC), accessible(every)
    writable = [word for group in groups.values() for word in group]
    told: set[int] = set()
    for value in (ALL_ONES, 0, None, None):
        for word in bench.random.sample(writable, len(writable)):
            for address in addresses(word):
                bits = harmless(word, bench.random.getrandbits(32) if value is None else value)
                await bench.write(address, bits)
                model.write(word, bits)
                for readable in bench.random.sample(addresses(word), len(addresses(word))):
                    await check(bench, model, word, readable)
                told.add(address)
        # By now the others have been written: a word of its own, not a neighbour's.
        for word in bench.random.sample(every, len(every)):
            await check(bench, model, word, word.address)
    assert told == {a for word in every if not word.command and word.name != "ITR" for a in addresses(word)}
    assert len(told) > 500


@cocotb.test()
async def random_accesses_obey_the_access_kinds(dut: Any) -> None:
    bench = await CsrBench(dut).start()
    every = words()
    model, groups = Model(every, MAC), accessible(every)
    random = bench.random
    touched: dict[str, set[str]] = defaultdict(set)

    for word in random.sample(every, len(every)):
        await check(bench, model, word, word.address)
    kinds = ("read", "write", "write", "part")
    deck = [(kind, group) for kind in kinds for group in groups] * 10
    for number, (kind, group) in enumerate(random.sample(deck, len(deck))):
        word = random.choice(groups[group])
        address = random.choice(addresses(word))
        if kind == "read":
            await check(bench, model, word, address)
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
                await check(bench, model, word, word.address)
    for word in random.sample(every, len(every)):
        await check(bench, model, word, word.address)
    assert all(touched[kind] == {*groups} for kind in kinds)
    assert len(groups) > 150 and len(every) > 480


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


def test_bus(tmp_path):
    assert simulate(design(), "tests.hdl.csr.test_bus", folder=tmp_path).passed == 3
