# SPDX-License-Identifier: MIT
"""25 administrative commands to the stock driver, in each interrupt mode, as recorded: one case for each step.

The offline self-test of these recordings meets a stand-in that fails its register part: that part is played, not judged
(test_selftest.py judges one that passes).
"""

from __future__ import annotations

import pytest

from sim.config import SimConfig
from tests.judge.player import Verdict
from tests.judge.scenes import OFFLINE, play
from tests.judge.trace import ADMIN, admin_steps

# What the steps must at least be held to, beside the counters behind each; far fewer would mean that the player looks
# away. Commands that are not here the driver answers out of its memory, or by writes alone: nothing is read.
_LEAST = {
    "insmod": 500, "ip link set eth0 up": 600, "ping -c 2": 60, "ethtool -S": 25, "ethtool -d": 15, "ethtool -e": 128,
    "ip link set eth0 promisc": 30, "ip maddr add": 4, "upd": 1000, "ip link set eth0 mtu": 500, "ethtool -G": 500,
    "ethtool -A": 1, "ethtool -t eth0 online": 150, "ethtool -t eth0 offline": 3500, "ping -c 1": 3,
    "ip link set eth0 down": 400, "rmmod": 1,
}  # fmt: skip

_CASES = [(mode, index, step.title) for mode in ADMIN for index, step in enumerate(admin_steps(mode))]


@pytest.fixture(scope="module")
def verdicts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Verdict]]:
    return {mode: play(name, tmp_path_factory.mktemp(mode), SimConfig()) for mode, name in ADMIN.items()}


@pytest.mark.parametrize(("mode", "index", "title"), _CASES, ids=[f"{m}-{i}-{t}" for m, i, t in _CASES])
def test_step(mode: str, index: int, title: str, verdicts: dict[str, list[Verdict]]) -> None:
    verdict = verdicts[mode][index]
    assert verdict.title == title
    assert not verdict.failures
    least = next((least for command, least in _LEAST.items() if title.startswith(command)), 0)
    assert verdict.judged >= least and (least or not verdict.judged), verdict.judged
    assert verdict.audited > 20 or title == OFFLINE, "its counters were not looked at"
