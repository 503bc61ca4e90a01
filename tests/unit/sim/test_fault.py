# SPDX-License-Identifier: MIT
"""FaultyWire does what it counts, and nothing when told to do nothing."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from sim.wire import Frame, Received
from sim.wire.fault import FaultConfig, FaultyWire


class Record:
    """A wire that only remembers."""

    def __init__(self) -> None:
        self.frames: list[Frame] = []
        self.hear: list[Callable[[Received], None]] = []

    def send(self, frame: Frame) -> None:
        self.frames.append(frame)

    def on_sent(self, callback: Callable[[Frame, int], None]) -> None:
        raise NotImplementedError

    def on_received(self, callback: Callable[[Received], None]) -> None:
        self.hear.append(callback)

    @property
    def pending(self) -> int:
        return 0

    async def drained(self) -> None:
        return


FRAMES = [Frame(bytes([index]) * 64) for index in range(200)]


def run(config: FaultConfig, seed: int = 3) -> tuple[FaultyWire, Record, list[Received]]:
    inner = Record()
    wire = FaultyWire(inner, config, seed)
    heard: list[Received] = []
    wire.on_received(heard.append)
    for number, frame in enumerate(FRAMES):
        wire.send(frame)
        inner.hear[0](Received(frame.data, number, True))
    return wire, inner, heard


def test_without_faults_it_is_a_wire() -> None:
    wire, inner, heard = run(FaultConfig())
    assert inner.frames == FRAMES and [frame.data for frame in heard] == [frame.data for frame in FRAMES]
    assert (wire.corrupted, wire.dropped, wire.duplicated, wire.lost, wire.doubled) == (0, 0, 0, 0, 0)


def test_counts_are_what_happened() -> None:
    wire, inner, heard = run(FaultConfig(corrupt=0.2, drop=0.2, duplicate=0.2))
    assert min(wire.corrupted, wire.dropped, wire.duplicated, wire.lost, wire.doubled) > 10
    assert len(inner.frames) == len(FRAMES) - wire.dropped + wire.duplicated
    assert sum(not frame.good for frame in inner.frames) == wire.corrupted
    assert len(heard) == len(FRAMES) - wire.lost + wire.doubled
    missing = {frame.data for frame in FRAMES} - {frame.data for frame in inner.frames}
    assert len(missing) == wire.dropped
    assert {frame.bad_fcs for frame in inner.frames if not frame.good} == {True, False}


def test_the_seed_decides() -> None:
    config = FaultConfig(corrupt=0.3, drop=0.3)
    assert run(config, 1)[1].frames == run(config, 1)[1].frames != run(config, 2)[1].frames


@pytest.mark.parametrize("bad", [{"corrupt": -0.1}, {"drop": 0.6, "duplicate": 0.5}])
def test_impossible_probabilities_are_refused(bad: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="probabilities"):
        FaultConfig(**bad)
