# SPDX-License-Identifier: MIT
"""Frames through the driver, both ways."""

from __future__ import annotations

import pytest

from tests.unit.e1000e.bench import Bench, frame_of


def test_frames_go_both_ways_and_nothing_is_left() -> None:
    bench = Bench().up()
    sent = [frame_of(60 + 7 * n, n) for n in range(20)]
    bench.send(*sent)
    arriving = [frame_of(60 + 11 * n, n) for n in range(40)]
    bench.arrive(*arriving)
    bench.settle()
    assert bench.card.transmitted == sent
    assert bench.received == arriving
    bench.finish()
