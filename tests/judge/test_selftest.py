# SPDX-License-Identifier: MIT
"""`ethtool -t offline` of the stock driver, as recorded: registers exactly, NVM, interrupts, loopback, resets.

The driver here has a self-test of its own to the same plan: tests/system/test_selftest.py.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from sim.config import SimConfig
from tests.judge.player import Verdict
from tests.judge.scenes import play, steps
from tests.judge.trace import SELFTEST, Kind

# Reads in the register part; a wrong bit in any one of them is a failure.
_REGISTER_READS = 651
_LEAST = {"before": 50, "registers": _REGISTER_READS, "reset": 320, "nvm": 128, "rest": 3400}


@pytest.fixture(scope="module")
def verdicts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Verdict]:
    return {verdict.title: verdict for verdict in play(SELFTEST, tmp_path_factory.mktemp("selftest"), SimConfig())}


def test_the_register_part_is_all_there() -> None:
    """Four patterns for each of 15 RAH, 128 MTA and 15 others; STATUS, RCTL, TCTL."""
    ops = next(step.ops for step in steps(SELFTEST) if step.title == "registers")
    read = [op.offset for op in ops if op.kind is Kind.READ]
    assert len(read) == _REGISTER_READS
    assert all(read.count(offset) == 4 for offset in (*range(0x5200, 0x5400, 4), *range(0x5404, 0x547C, 8)))


@pytest.mark.parametrize("part", _LEAST)
def test_part(part: str, verdicts: dict[str, Verdict]) -> None:
    verdict = verdicts[part]
    assert not verdict.failures
    assert verdict.judged >= _LEAST[part]


def test_registers_on_axi(tmp_path: Path) -> None:
    verdicts = play(SELFTEST, tmp_path, SimConfig(host="axi", wire="cocotbext"), only=2, reset_us=50)
    assert [verdict.failures for verdict in verdicts] == [[], []]
    assert verdicts[1].judged == _REGISTER_READS


def test_one_wrong_bit_of_a_mask_is_noticed(tmp_path: Path) -> None:
    """RDLEN's mask with bit 7 missing."""
    ops = next(step.ops for step in steps(SELFTEST) if step.title == "registers")
    line = next(op.line for op in ops if (op.kind, op.offset, op.value) == (Kind.READ, 0x2808, 0x000F_FF80))
    verdict = play(SELFTEST, tmp_path, SimConfig(), only=2, patch={line: 0x000F_FF00})[1]
    assert [failure.split(":")[0] for failure in verdict.failures] == [f"line {line}"]
