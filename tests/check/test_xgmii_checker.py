# SPDX-License-Identifier: MIT
"""The XGMII checker: each of its rules broken on purpose, and the legal corners beside them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import cocotb
import pytest

from sim.runner import SimulationFailed, simulate
from tests.check.pins import Cycle, Pins, design

CHECKER = "xgmii_checker"
IDLE_WORD, ALL_CONTROL = 0x0707_0707_0707_0707, 0xFF
Lane = tuple[int, int]  # octet, whether it is a control character
I, S, T, E, Q = ((code, 1) for code in (0x07, 0xFB, 0xFD, 0xFE, 0x9C))  # noqa: E741  their names in clause 46
PREAMBLE: list[Lane] = [(0x55, 0)] * 6 + [(0xD5, 0)]
FAULT: list[Lane] = [Q, (0, 0), (0, 0), (1, 0)]


def data(count: int, value: int = 0xA5) -> list[Lane]:
    return [(value, 0)] * count


def frame(count: int = 64) -> list[Lane]:
    """From start to the last octet: `count` octets after the preamble."""
    return [S, *PREAMBLE, *data(count)]


def gap(count: int) -> list[Lane]:
    """Terminate and idle, `count` octets in all."""
    return [T] + [I] * (count - 1)


def frames(*gaps: int) -> list[Lane]:
    """A frame, and one more after each gap, of lengths that put every start into lane 0 or 4."""
    lanes: list[Lane] = []
    for length in gaps:
        lanes += [*frame(64 + -length % 4), *gap(length)]
    return [*lanes, *frame(), T]


def words(lanes: Iterable[Lane]) -> list[Cycle]:
    """Eight lanes each, filled up with idle, and one of idle after them."""
    filled = [*lanes]
    filled += [I] * (-len(filled) % 8 + 8)
    return [
        {
            "data": sum(code << 8 * lane for lane, (code, _) in enumerate(filled[at : at + 8])),
            "ctrl": sum(control << lane for lane, (_, control) in enumerate(filled[at : at + 8])),
        }
        for at in range(0, len(filled), 8)
    ]


def reserved(code: int) -> list[Lane]:
    return [I] * 3 + [(code, 1)] + [I] * 4


def spoiled(at: int, change: int) -> list[Lane]:
    """The preamble with other bits in one octet."""
    return [(code ^ change * (place == at), control) for place, (code, control) in enumerate(PREAMBLE)]


TRIPS: dict[str, list[Sequence[Lane]]] = {
    "CONTROL": [reserved(code) for code in range(256) if code not in (0x07, 0xFB, 0xFD, 0xFE, 0x9C)]
    + [[*frame(), (0x06, 1), *data(3), T]],
    "START": [[I] * lane + [*frame(), T] for lane in (1, 2, 3, 5, 6, 7)] + [[*frame(), *frame(), T]],
    "PREAMBLE": [
        *([S, *spoiled(at, 1), *data(64), T] for at in range(7)),
        [S, *PREAMBLE[1:], *data(65), T],  # one octet short
        [S, *data(7, 0x55), (0xD5, 0), *data(63), T],  # one too many
        [S, *PREAMBLE[:6], T],
    ],
    "IDLE": [[*frame(64), *[I] * 16], [*frame(61), *[I] * 16], [*frame(60), I]],
    "TERMINATE": [[I, I, T], [*frame(), T, T], [T]],
    "DATA": [[*data(8)], [I, I, (7, 0)], [*frame(), T, *data(1)], [*FAULT, *data(1)]],
    "SEQUENCE": [
        [I, Q, *data(3)], [Q, *data(2)], [Q, I], [*FAULT, Q, (0, 0)], [*frame(), *FAULT, *[I] * 4],
    ],
    "ERROR": [[E], [I, I, E], [*frame(), T, E]],
    "GAP": [],  # below
    "DEFICIT": [frames(9, 9), frames(9, 11), frames(9, 12, 11), frames(11, 11, 11, 11), frames(9, 13, 10)],
}  # fmt: skip

LEGAL: dict[str, Sequence[Lane]] = {
    "idle": [I] * 64,
    "start in lane 0": [*frame(), T],
    "start in lane 4": [*[I] * 4, *frame(), T],
    "terminate in each lane": [lane for count in range(60, 68) for lane in (*frame(count), *gap(12 + -count % 4))],
    "an error character in a frame": [*frame(20), E, *data(43), T],
    "an error character in a preamble": [S, (0x55, 0), E, *PREAMBLE[2:], *data(64), T],
    "frames of no length": [*frame(0), *gap(12), *frame(0), T],
    "local fault, lanes 0 and 4": FAULT * 4,
    "three less, once": frames(9),
    "three less, and paid back": frames(9, 15, 9),
    "a deficit of three in parts": frames(11, 11, 11),
    "paid back in parts": frames(10, 13, 11, 13, 10, 12, 12),
    "a longer gap pays back no more than the deficit": frames(100, 9, 100, 9),
}


async def started(dut: Any, **idle: int) -> Pins:
    return await Pins(dut, CHECKER, {"data": IDLE_WORD, "ctrl": ALL_CONTROL, "strict": 1, **idle}).start()


@cocotb.test()
async def every_rule_is_tripped(dut: Any) -> None:
    pins = await started(dut)
    assert set(TRIPS) == set(pins.rules)
    for rule, scripts in TRIPS.items():
        for lanes in scripts:
            await pins.reset()
            assert await pins.play(words(lanes)) == {rule}, f"{rule}: {lanes}"


@cocotb.test()
async def every_gap_below_nine_is_too_short(dut: Any) -> None:
    """It is below the average too."""
    pins = await started(dut)
    for length in range(1, 9):
        await pins.reset()
        assert await pins.play(words(frames(length))) == {"GAP", "DEFICIT"}, length


@cocotb.test()
async def every_legal_corner_passes(dut: Any) -> None:
    pins = await started(dut)
    for name, lanes in LEGAL.items():
        await pins.reset()
        assert await pins.play(words(lanes)) == set(), name


@cocotb.test()
async def every_error_character_is_counted(dut: Any) -> None:
    pins = await started(dut)
    before = int(dut.errors_o.value)
    assert await pins.play(words([*frame(20), E, *data(20), E, E, *data(20), T])) == set()
    assert int(dut.errors_o.value) == before + 3


@cocotb.test()
async def one_violation(dut: Any) -> None:
    pins = await started(dut)
    await pins.play(words([I, T]))


@cocotb.test()
async def the_same_on_purpose(dut: Any) -> None:
    pins = await started(dut, strict=0)
    assert await pins.play(words([I, T])) == {"TERMINATE"}
    assert dut.illegal_o.value == 1


def test_rules_and_corners(tmp_path: Path) -> None:
    assert simulate(design(CHECKER, Stop=0), __name__, folder=tmp_path, test_filter="every").passed == 4


def test_a_violation_ends_the_simulation_and_says_which_where_and_when(tmp_path: Path) -> None:
    with pytest.raises(SimulationFailed, match=r"rule TERMINATE broken at \d+ ps, in xgmii_checker"):
        simulate(design(CHECKER, Stop=1), __name__, folder=tmp_path, test_filter="one_violation")


def test_what_is_illegal_on_purpose_is_counted_only(tmp_path: Path) -> None:
    assert simulate(design(CHECKER, Stop=1), __name__, folder=tmp_path, test_filter="the_same_on_purpose").passed == 1
