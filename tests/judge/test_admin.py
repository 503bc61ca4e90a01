# SPDX-License-Identifier: MIT
"""25 administrative commands to the stock driver, in each interrupt mode, as recorded: one case for each step.

The offline self-test of these recordings meets a stand-in that fails its register part: that part is played, not judged
(test_selftest.py judges one that passes).
"""

from __future__ import annotations

import pytest

from sim.config import SimConfig
from tests.judge.player import Verdict
from tests.judge.scenes import play
from tests.judge.trace import ADMIN, admin_steps

# Commands that the driver answers out of its memory, or by writes alone: nothing is read.
_SILENT = ("ethtool -g", "ethtool -c", "ethtool -a", "ip link set eth0 allmulticast", "ethtool -C")

_CASES = [(mode, index, step.title) for mode in ADMIN for index, step in enumerate(admin_steps(mode))]


@pytest.fixture(scope="module")
def verdicts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Verdict]]:
    return {mode: play(name, tmp_path_factory.mktemp(mode), SimConfig()) for mode, name in ADMIN.items()}


@pytest.mark.parametrize(("mode", "index", "title"), _CASES, ids=[f"{m}-{i}-{t}" for m, i, t in _CASES])
def test_step(mode: str, index: int, title: str, verdicts: dict[str, list[Verdict]]) -> None:
    verdict = verdicts[mode][index]
    assert verdict.title == title
    assert not verdict.failures
    assert verdict.judged > 0 or title.startswith(_SILENT)
