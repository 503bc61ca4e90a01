# SPDX-License-Identifier: MIT
"""The stock driver's probe, open, five pings and close, as recorded, on the card. A shortened one on axi."""

from __future__ import annotations

from pathlib import Path

import pytest

from sim.config import SimConfig
from tests.judge.player import Verdict
from tests.judge.scenes import play
from tests.judge.trace import DRIVER

_AXI = SimConfig(host="axi", wire="cocotbext")
# What each step must at least be held to; far fewer would mean that the player looks away.
_LEAST = {"probe": 450, "open": 550, "traffic": 12, "close": 320}


@pytest.fixture(scope="module")
def verdicts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Verdict]:
    folder = tmp_path_factory.mktemp("driver")
    return {verdict.title: verdict for verdict in play(DRIVER, folder, SimConfig())}


@pytest.mark.parametrize("step", _LEAST)
def test_the_stock_driver_goes_through(step: str, verdicts: dict[str, Verdict]) -> None:
    verdict = verdicts[step]
    assert not verdict.failures
    assert verdict.judged >= _LEAST[step]


def test_probe_and_open_on_axi(tmp_path: Path) -> None:
    """The waits of the driver after a reset are shortened: idle clocks are simulated there."""
    verdicts = play(DRIVER, tmp_path, _AXI, only=2, reset_us=50)
    assert [verdict.failures for verdict in verdicts] == [[], []]
    assert sum(verdict.judged for verdict in verdicts) >= 900
