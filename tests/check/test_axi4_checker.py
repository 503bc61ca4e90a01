# SPDX-License-Identifier: MIT
"""The AXI4 checker: each of its rules broken on purpose, and every legal corner beside it let pass."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cocotb
import pytest

from sim.runner import SimulationFailed, simulate
from tests.check.pins import RESET_CYCLES, Pins, design

CHECKER = "axi4_checker"
SLOW = 16
FIXED, INCR, WRAP = 0, 1, 2
EXOKAY = 1
Script = list[dict[str, int]]


def channel(name: str, ready: int = 1, **values: int) -> dict[str, int]:
    return {f"{name}valid": 1, f"{name}ready": ready} | {f"{name}{key}": value for key, value in values.items()}


def aw(ready: int = 1, **values: int) -> dict[str, int]:
    return channel("aw", ready, **({"id": 1, "addr": 0x1000, "len": 0, "size": 4, "burst": INCR} | values))


def ar(ready: int = 1, **values: int) -> dict[str, int]:
    return channel("ar", ready, **({"id": 1, "addr": 0x1000, "len": 0, "size": 4, "burst": INCR} | values))


def w(last: int = 1, strb: int = 0xFFFF, ready: int = 1, data: int = 0) -> dict[str, int]:
    return channel("w", ready, last=last, strb=strb, data=data)


def b(ready: int = 1, **values: int) -> dict[str, int]:
    return channel("b", ready, **({"id": 1} | values))


def r(last: int = 1, ready: int = 1, **values: int) -> dict[str, int]:
    return channel("r", ready, last=last, **({"id": 1} | values))


IN_RESET: Script = [{"rst_n": 0}] * RESET_CYCLES
WRITTEN, READ = [aw(), w()], [ar()]  # what a response may follow


def handshake_trips() -> dict[str, list[Script]]:
    """xx_RESET, xx_VALID, xx_PAYLOAD, of every channel."""
    trips: dict[str, list[Script]] = {}
    for name, before, one, changes in (
        ("AW", [], aw, [{"addr": 0x2000}, {"id": 2}, {"len": 3}, {"cache": 3}]),
        ("W", [], w, [{"data": 1 << 127}, {"strb": 0xFFFE}, {"last": 0}]),
        ("B", [*WRITTEN, aw(id=2), w()], b, [{"id": 2}, {"resp": 2}]),
        ("AR", [], ar, [{"addr": 0x2000}, {"id": 2}, {"len": 3}, {"prot": 1}]),
        ("R", [*READ, ar(id=2)], r, [{"id": 2}, {"resp": 2}, {"data": 1}]),
    ):
        trips[f"{name}_VALID"] = [[*before, one(ready=0), {}]]
        trips[f"{name}_PAYLOAD"] = [[*before, one(ready=0), one(**change)] for change in changes]
        # In reset, and at the very edge that sees it released: only after that may a valid rise.
        trips[f"{name}_RESET"] = [[*IN_RESET, {"rst_n": 0} | one(ready=0)]]
    trips["AW_RESET"].append([*IN_RESET, aw()])
    trips["AR_RESET"].append([*IN_RESET, ar()])
    return trips


def address_trips() -> dict[str, list[Script]]:
    """Of both address channels."""
    trips: dict[str, list[Script]] = {}
    for name, one in (("AW", aw), ("AR", ar)):
        trips[f"{name}_BURST"] = [[one(burst=3)]]
        trips[f"{name}_LEN"] = [[one(burst=WRAP, len=beats - 1)] for beats in (1, 3, 5, 32)]
        trips[f"{name}_LEN"].append([one(burst=FIXED, len=16)])
        trips[f"{name}_SIZE"] = [[one(size=5)], [one(size=7)]]
        trips[f"{name}_4K"] = [
            [one(addr=0x1FF0, len=1)], [one(addr=0x1FFF, len=1)], [one(addr=0x1010, len=255)],
            [one(addr=0x1FFC, len=1, size=2)],
        ]  # fmt: skip
        trips[f"{name}_WRAP"] = [[one(burst=WRAP, len=3, addr=0x1008)], [one(burst=WRAP, len=1, addr=0x1001, size=1)]]
        trips[f"{name}_LOCK"] = [[one(lock=1)]]
        trips[f"{name}_CACHE"] = [[one(cache=cache)] for cache in (4, 5, 8, 9, 12, 13)]
        trips[f"{name}_PROT"] = [[one(prot=4)], [one(prot=7)]]
    return trips


TRIPS: dict[str, list[Script]] = {
    **handshake_trips(),
    **address_trips(),
    "W_LAST": [
        [aw(len=1), w(last=1)],
        [aw(len=0), w(last=0)],
        [aw(len=1), w(last=0), w(last=0)],
        [w(last=1), aw(len=1)],
        [w(last=0), w(last=1), aw(len=0)],
        [aw(len=0), aw(len=1), w(last=1), w(last=1)],
    ],
    "W_STRB": [
        [aw(addr=0x1004, size=2), w(strb=0x000F)],
        [aw(addr=0x1003), w(strb=0xFFFF)],
        [aw(addr=0x1003, size=2), w(strb=0x0018)],
        [w(strb=0x0004), aw(addr=0x1003)],
        [aw(addr=0x100C, size=2, len=1), w(0, 0xF000), w(strb=0x00F0)],
        [aw(addr=0x1008, size=2, len=1, burst=WRAP), w(0, 0x0F00), w(strb=0x0F00)],
        [aw(addr=0x1008, size=2, len=1, burst=FIXED), w(0, 0x0F00), w(strb=0xF000)],
    ],
    "B_ADDRESS": [
        [b()],
        [*WRITTEN, b(id=2)],
        [*WRITTEN, b(), b()],
        [w(), b()],
        [w(), aw() | b()],
        [*WRITTEN, {"rst_n": 0}, {}, {}, b()],
    ],
    "B_DATA": [[aw(), b(ready=0)], [aw(len=1), w(last=0), b()], [aw(), w() | b()], [aw(id=2), aw(), w(), b()]],
    "B_RESP": [[*WRITTEN, b(resp=EXOKAY)]],
    "R_ADDRESS": [[r()], [ar() | r()], [ar(id=2), r()], [*READ, r(), r()], [ar(ready=0), ar(ready=0) | r()]],
    "R_LAST": [
        [ar(len=1), r(last=1)],
        [ar(len=0), r(last=0)],
        [ar(len=1), ar(len=0), r(last=1)],
        [ar(id=1, len=1), ar(id=2, len=0), r(last=0, id=1), r(last=0, id=2)],
    ],
    "R_RESP": [[*READ, r(resp=EXOKAY)]],
}

LEGAL: dict[str, Script] = {
    "valid rises at the second edge without reset": [*IN_RESET, {}, aw()],
    "an offer stands": [aw(ready=0)] * 3 + [aw()],
    "bytes that are not strobed may change": [aw(), w(strb=1, data=2, ready=0), w(strb=1, data=0xFF02)],
    "ready comes and goes": [{"awready": 1}, {}, {"awready": 1, "wready": 1}, {}],
    "256 beats": [aw(len=255), *[w(last=0)] * 255, w(), b()],
    "256 beats from an unaligned address": [ar(len=255, addr=0x1003), *[r(last=0)] * 255, r()],
    "up to the boundary": [aw(addr=0x1FF0), aw(addr=0x1FFF), aw(addr=0x1FFC, size=2), aw(addr=0x1FF8, len=7, size=0)],
    "wraps": [ar(burst=WRAP, len=beats - 1, addr=0x1FF0) for beats in (2, 4, 8, 16)],
    "16 beats at one address": [ar(burst=FIXED, len=15, addr=0x1FFF)],
    "every cache": [aw(cache=cache) for cache in (0, 1, 2, 3, 6, 7, 10, 11, 14, 15)],
    "every protection of data": [ar(prot=prot) for prot in range(4)],
    "lanes of a narrow burst": [aw(addr=0x100C, size=2, len=1), w(0, 0xF000), w(strb=0x000F)],
    "lanes of a narrow wrap": [
        aw(addr=0x1008, size=2, len=3, burst=WRAP), w(0, 0x0F00), w(0, 0xF000), w(0, 0x000F), w(strb=0x00F0),
    ],
    "lanes of a fixed burst": [aw(addr=0x1003, size=2, len=1, burst=FIXED), w(0, 8), w(strb=8)],
    "lanes of an unaligned burst": [aw(addr=0x1003, len=1), w(0, 0xFFF8), w()],
    "no strobe": [aw(), w(strb=0), b()],
    "data before its address": [w(0), w(), w(strb=8), aw(len=1), aw(addr=0x1003), b(), b()],
    "data with its address": [aw() | w(), b()],
    "a response of one write with the data of the next": [*WRITTEN, aw() | w() | b(), b()],
    "writes answered out of order": [aw(id=1), w(), aw(id=2), w(), b(id=2), b(id=1)],
    "reads interleaved": [ar(id=1, len=1), ar(id=2, len=1), r(0, id=2), r(0, id=1), r(id=1), r(id=2)],
    "reads of one ID in order": [ar(len=0), ar(len=1), r(), r(0), r()],
    "errors": [*WRITTEN, b(resp=2), *WRITTEN, b(resp=3), ar(len=1), r(0, resp=2), r(resp=3)],
    "a reset forgets": [ar(len=3), aw(), *IN_RESET, {}, ar(), r(), aw(), w(), b()],
}  # fmt: skip


@cocotb.test()
async def every_rule_is_tripped(dut: Any) -> None:
    pins = await Pins(dut, CHECKER).start()
    assert set(TRIPS) == set(pins.rules)
    for rule, scripts in TRIPS.items():
        for script in scripts:
            await pins.reset()
            broken = await pins.play(script)
            assert broken == {rule}, f"{rule}: {script}"


@cocotb.test()
async def every_address_is_judged_before_it_is_taken(dut: Any) -> None:
    pins = await Pins(dut, CHECKER).start()
    for rule, scripts in address_trips().items():
        ready = f"{rule.split('_')[0].lower()}ready"
        for (offer,) in scripts:
            await pins.reset()
            assert await pins.play([offer | {ready: 0}] * 2) == {rule}, f"{rule}: {offer}"


@cocotb.test()
async def every_legal_corner_passes(dut: Any) -> None:
    pins = await Pins(dut, CHECKER).start()
    for name, script in LEGAL.items():
        await pins.reset()
        assert await pins.play(script) == set(), name


@cocotb.test()
async def slow_offers_are_counted_and_no_error(dut: Any) -> None:
    pins = await Pins(dut, CHECKER).start()
    assert await pins.play([aw(ready=0)] * (SLOW - 1) + [aw()]) == set()
    assert dut.slow_o.value == 0
    assert await pins.play([ar(ready=0)] * (SLOW + 9) + [ar()]) == set()
    assert dut.slow_o.value == 1


@cocotb.test()
async def disabled_it_looks_away(dut: Any) -> None:
    pins = await Pins(dut, CHECKER, {"enable": 0}).start()
    assert await pins.play([b(), aw(burst=3), aw(ready=0), {}]) == set()


@cocotb.test()
async def one_violation(dut: Any) -> None:
    pins = await Pins(dut, CHECKER).start()
    await pins.play([aw(addr=0x1FF0, len=1), {}, {}])


@cocotb.test()
async def more_reads_than_it_can_count(dut: Any) -> None:
    pins = await Pins(dut, CHECKER).start()
    assert await pins.play([ar(id=2)] * 255) == set()
    await pins.play([ar()] * 256)


def test_rules_and_corners(tmp_path: Path) -> None:
    others = "every|slow|disabled"
    assert simulate(design(CHECKER, Stop=0, SlowCycles=SLOW), __name__, folder=tmp_path, test_filter=others).passed == 5


def test_a_violation_ends_the_simulation_and_says_which_where_and_when(tmp_path: Path) -> None:
    with pytest.raises(SimulationFailed, match=r"rule AW_4K broken at \d+ ps, in axi4_checker"):
        simulate(design(CHECKER, Stop=1, SlowCycles=SLOW), __name__, folder=tmp_path, test_filter="one_violation")


def test_it_says_so_when_it_loses_count(tmp_path: Path) -> None:
    with pytest.raises(SimulationFailed, match="more than 255 reads of one ID are under way"):
        simulate(design(CHECKER, Stop=0, SlowCycles=SLOW), __name__, folder=tmp_path, test_filter="more_reads")
