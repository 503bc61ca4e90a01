# SPDX-License-Identifier: MIT
"""A wire that does to frames what bad cables and switches do: corrupt, drop, duplicate. Seeded."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from random import Random

from sim.wire import Frame, Received, Wire

__all__ = ["FaultConfig", "FaultyWire"]


@dataclass(frozen=True, slots=True)
class FaultConfig:
    """Probabilities per frame, in both directions for drop and duplicate; frames to the card can also be corrupted."""

    corrupt: float = 0.0
    drop: float = 0.0
    duplicate: float = 0.0

    def __post_init__(self) -> None:
        if min(self.corrupt, self.drop, self.duplicate) < 0 or self.corrupt + self.drop + self.duplicate > 1:
            raise ValueError("fault probabilities must be positive and add up to 1 at most")


class FaultyWire:
    """Wraps `inner`. A frame suffers one fault at most. Counts what it did: corrupted, dropped, duplicated (towards
    the card), lost and doubled (from it)."""

    def __init__(self, inner: Wire, config: FaultConfig, seed: int) -> None:
        self._inner = inner
        self._config = config
        self._random = Random(f"{seed} wire faults")
        self._received_listeners: list[Callable[[Received], None]] = []
        self.corrupted = self.dropped = self.duplicated = self.lost = self.doubled = 0
        inner.on_received(self._hear)

    def send(self, frame: Frame) -> None:
        draw, config = self._random.random(), self._config
        if draw < config.drop:
            self.dropped += 1
            return
        if draw < config.drop + config.duplicate:
            self.duplicated += 1
            self._inner.send(frame)
        elif draw < config.drop + config.duplicate + config.corrupt:
            self.corrupted += 1
            if self._random.random() < 0.5:
                frame = replace(frame, bad_fcs=True)
            else:
                frame = replace(frame, error_at=self._random.randrange(len(frame.wire_bytes)))
        self._inner.send(frame)

    def _hear(self, frame: Received) -> None:
        draw, config = self._random.random(), self._config
        if draw < config.drop:
            self.lost += 1
            return
        copies = 1
        if draw < config.drop + config.duplicate:
            self.doubled += 1
            copies = 2
        for _ in range(copies):
            for listener in self._received_listeners:
                listener(frame)

    def on_sent(self, callback: Callable[[Frame, int], None]) -> None:
        self._inner.on_sent(callback)

    def on_received(self, callback: Callable[[Received], None]) -> None:
        self._received_listeners.append(callback)

    @property
    def pending(self) -> int:
        return self._inner.pending

    async def drained(self) -> None:
        await self._inner.drained()
