# SPDX-License-Identifier: MIT
"""The judge judges: an expectation that is wrong by one bit and a poll that is left out are noticed."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

import tests.judge.player
from sim.config import SimConfig
from tests.judge.player import Player, Verdict
from tests.judge.rules import PHY_RULES, RULES, How, Rule, is_statistic, rule_of
from tests.judge.scenes import OFFLINE, play, steps
from tests.judge.statistics import Statistics
from tests.judge.trace import ADMIN, DRIVER, SELFTEST, Kind, Op, nvm_words, parse

_RECORDINGS = (DRIVER, SELFTEST, *ADMIN.values())
_MDIC_READ = 1 << 27


def operations(name: str) -> list[Op]:
    return [item for item in parse(name) if isinstance(item, Op)]


def failures(name: str, folder: Path, patch: dict[int, int], only: int) -> list[str]:
    return [
        failure for verdict in play(name, folder, SimConfig(), only=only, patch=patch) for failure in verdict.failures
    ]


def line_of(kind: Kind, offset: int, value: int) -> int:
    """The first such line of the driver's recording."""
    return next(op.line for op in operations(DRIVER) if (op.kind, op.offset, op.value) == (kind, offset, value))


# What is recorded, with one bit of it turned.
_WRONG = {
    "an NVM word": (Kind.READ, 0x14, 0x54520002, 0x54530002),
    "the PHY's identity": (Kind.READ, 0x20, 0x18220141, 0x18220140),
    "the duplex in STATUS": (Kind.READ, 0x08, 0x80000083, 0x80000082),
    "management in MANC": (Kind.READ, 0x5820, 0x0, 0x0002_0000),
}


@pytest.mark.parametrize("what", _WRONG)
def test_one_wrong_bit_is_noticed(what: str, tmp_path: Path) -> None:
    kind, offset, recorded, wrong = _WRONG[what]
    line = line_of(kind, offset, recorded)
    found = failures(DRIVER, tmp_path, {line: wrong}, 1)
    # EERD is read twice; what was not changed is still right.
    assert [failure.split(":")[0] for failure in found] == [f"line {line}"]


def test_a_poll_that_is_left_out_is_noticed(tmp_path: Path) -> None:
    """Every read only once: neither EERD nor MDIC is done by then."""
    verdicts = play(DRIVER, tmp_path, SimConfig(), only=1, bound_ns=0)
    found = [failure for verdict in verdicts for failure in verdict.failures]
    assert any("R 00020" in failure for failure in found) or any("R 00014" in failure for failure in found)


@pytest.mark.parametrize(
    ("rule", "recorded", "values", "good"),
    [
        (RULES[0x14], 0x5452_0002, [0, 0x5452_0000, 0x5452_0002], True),
        (RULES[0x14], 0x5452_0002, [0, 0x5453_0002, 0x5452_0002], False),  # done, and wrong
        (RULES[0x5820], 0, [0x2_0000, 0], False),
        (RULES[0x08], 0x8008_0083, [0x0, 0x8_0081, 0x8_0083], True),
        (RULES[0x08], 0x8008_0083, [0x8_0003, 0x8_0083], False),  # a link, and not its speed
        (PHY_RULES[0x02], 0x0141, [0x0140, 0x0141], False),
        (PHY_RULES[0x01], 0x0024, [0x0004, 0x0020, 0x0024], True),
    ],
)
def test_only_what_time_changes_is_waited_for(
    rule: Rule, recorded: int, values: list[int], good: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def no_time(*_: int) -> None:
        return None

    async def read() -> int:
        return coming.pop(0)

    monkeypatch.setattr(tests.judge.player, "ktime_get_ns", lambda: 0)
    monkeypatch.setattr(tests.judge.player, "usleep_range", no_time)
    coming, verdict, player = list(values), Verdict("step"), object.__new__(Player)
    player._bound_ns = 1
    asyncio.run(player._judge(Op(1, Kind.READ, 0, recorded), rule, None, read, verdict))
    assert verdict.judged == 1 and (verdict.failures == []) == good


def test_every_register_that_is_read_has_a_rule() -> None:
    """But in the register tests, which are compared as they are."""
    for step in (step for name in _RECORDINGS for step in steps(name) if step.title not in ("registers", OFFLINE)):
        command = 0
        for op in step.ops:
            if op.offset == 0x20 and op.kind is Kind.WRITE:
                command = op.value
            elif op.kind is Kind.READ:
                assert rule_of(op.offset).why
                assert op.offset != 0x20 or not command & _MDIC_READ or PHY_RULES[command >> 16 & 0x1F].why


def test_every_rule_is_used_and_says_why() -> None:
    read = {op.offset for name in _RECORDINGS for op in operations(name) if op.kind is Kind.READ}
    assert set(RULES) <= read | set(range(0x5600, 0x5800, 4))
    assert all(rule.why and bool(rule.mask) == (rule.how not in (How.SEEN, How.CAUSES)) for rule in RULES.values())
    assert any(is_statistic(offset) for offset in read)


def test_the_recordings_agree_on_the_nvm() -> None:
    words = nvm_words(op for name in _RECORDINGS for op in operations(name))
    assert len(words) == 64 and sum(words.values()) & 0xFFFF == 0xBABA


def test_statistics_are_held_to_the_frames() -> None:
    statistics = Statistics()
    statistics.came(bytes(100))
    statistics.went(b"\xff" * 20)
    statistics.went(b"\x33" * 1514)
    # PRC*, GPRC, GORC, TOR, TPR; then PTC*, GPTC, GOTC, TPT, MPTC, BPTC; CRCERRS, MPC
    told = {0x405C: 0, 0x4060: 1, 0x4074: 1, 0x4088: 104, 0x408C: 0, 0x40C0: 104, 0x40D0: 1}
    told |= {0x40D8: 1, 0x40EC: 1, 0x4080: 2, 0x4090: 1582, 0x40D4: 2, 0x40F0: 1, 0x40F4: 1, 0x4000: 0, 0x4010: 0}
    assert all(statistics.read(offset, value) == (value, value) for offset, value in told.items())
    assert statistics.read(0x4000, 1) == (1, 0), "an error"
    assert statistics.read(0x4074, 1) == (2, 1), "read clears: it told of the frame before"
    assert statistics.read(0x4100, 7) is None, "interrupts"
    statistics.looped = True
    assert statistics.read(0x4074, 1) is None and statistics.read(0x4010, 1) == (1, 0)
    statistics.restart()
    assert statistics.read(0x4074, 0) == (0, 0)


def test_a_verdict_counts() -> None:
    verdict = Verdict("step")
    op = Op(7, Kind.READ, 8, 1)
    verdict.check(True, op, "")
    verdict.check(False, op, "0")
    assert (verdict.judged, verdict.failures) == (2, ["line 7: R 00008 -> 00000001: 0"])
