# SPDX-License-Identifier: MIT
"""The AXI4-Lite checker: each of its rules broken on purpose, and the legal corners beside them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cocotb
import pytest

from sim.runner import SimulationFailed, simulate
from tests.check.pins import RESET_CYCLES, Pins, design

CHECKER = "axi4_lite_checker"
EXOKAY = 1
Script = list[dict[str, int]]


def channel(name: str, ready: int = 1, **values: int) -> dict[str, int]:
    return {f"{name}valid": 1, f"{name}ready": ready} | {f"{name}{key}": value for key, value in values.items()}


IN_RESET: Script = [{"rst_n": 0}] * RESET_CYCLES
AW, W, B, AR, R = (channel(name) for name in ("aw", "w", "b", "ar", "r"))


def handshake_trips() -> dict[str, list[Script]]:
    trips: dict[str, list[Script]] = {}
    for name, before, changes in (
        ("aw", [], [{"addr": 4}, {"prot": 1}]),
        ("w", [], [{"data": 0x100, "strb": 2}, {"strb": 1}]),
        ("b", [AW, W], [{"resp": 2}]),
        ("ar", [], [{"addr": 4}, {"prot": 1}]),
        ("r", [AR], [{"resp": 2}, {"data": 1}]),
    ):
        trips[f"{name.upper()}_VALID"] = [[*before, channel(name, 0), {}]]
        trips[f"{name.upper()}_PAYLOAD"] = [[*before, channel(name, 0), channel(name, **change)] for change in changes]
        trips[f"{name.upper()}_RESET"] = [[*IN_RESET, {"rst_n": 0} | channel(name, 0)]]
    trips["W_RESET"].append([*IN_RESET, W])
    return trips


TRIPS: dict[str, list[Script]] = {
    **handshake_trips(),
    "B_ADDRESS": [[W, B], [W, AW | B], [AW | W, W, B, B]],
    "B_DATA": [[AW, B], [AW, W | B], [AW, AW | W, B, B]],
    "B_RESP": [[AW, W, channel("b", resp=EXOKAY)]],
    "R_ADDRESS": [[R], [AR | R], [AR, R, R], [channel("ar", 0), channel("ar", 0) | R]],
    "R_RESP": [[AR, channel("r", resp=EXOKAY)]],
}  # fmt: skip
LEGAL: dict[str, Script] = {
    "valid rises at the second edge without reset": [*IN_RESET, {}, AW | W],
    "address first": [AW, W, B],
    "data first": [W, AW, B],
    "both at once, twice": [AW | W, AW | W, B, B],
    "a write and a read": [AW | W | AR, B | R],
    "offers stand": [channel("ar", 0)] * 3 + [AR] + [channel("r", 0)] * 3 + [R],
    "errors": [AW | W, channel("b", resp=2), AR, channel("r", resp=3)],
    "bytes that are not strobed may change": [channel("w", 0, strb=1, data=2), channel("w", strb=1, data=0xFF02)],
    "a reset forgets": [AW | W | AR, *IN_RESET, {}, AR, R],
}


@cocotb.test()
async def every_rule_is_tripped(dut: Any) -> None:
    pins = await Pins(dut, CHECKER).start()
    assert set(TRIPS) == set(pins.rules)
    for rule, scripts in TRIPS.items():
        for script in scripts:
            await pins.reset()
            assert await pins.play(script) == {rule}, f"{rule}: {script}"


@cocotb.test()
async def every_legal_corner_passes(dut: Any) -> None:
    pins = await Pins(dut, CHECKER).start()
    for name, script in LEGAL.items():
        await pins.reset()
        assert await pins.play(script) == set(), name


@cocotb.test()
async def one_violation(dut: Any) -> None:
    pins = await Pins(dut, CHECKER).start()
    await pins.play([R, {}, {}])


def test_rules_and_corners(tmp_path: Path) -> None:
    assert simulate(design(CHECKER, Stop=0), __name__, folder=tmp_path, test_filter="every").passed == 2


def test_a_violation_ends_the_simulation_and_says_which_where_and_when(tmp_path: Path) -> None:
    with pytest.raises(SimulationFailed, match=r"rule R_ADDRESS broken at \d+ ps, in axi4_lite_checker"):
        simulate(design(CHECKER, Stop=1), __name__, folder=tmp_path, test_filter="one_violation")
