# SPDX-License-Identifier: MIT
"""Scoreboard: frames that went in at one side come out at the other, whole, in order, once."""

from __future__ import annotations

from collections import deque

__all__ = ["Scoreboard"]

_KEPT_ERRORS = 10


class Scoreboard:
    """expect what was sent, see what arrived. checked: compared equal; lost: expected, passed over by a later one.

    A lost frame is not an error here: whoever knows the drop counters compares. A frame that nobody expected is.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.checked = self.lost = self.wrong = 0
        self.errors: list[str] = []
        self._expected: deque[bytes] = deque()

    @property
    def outstanding(self) -> int:
        """Expected and not seen yet."""
        return len(self._expected)

    def expect(self, frame: bytes) -> None:
        self._expected.append(frame)

    def see(self, frame: bytes) -> None:
        if self._expected and self._expected[0] == frame:
            self._expected.popleft()
            self.checked += 1
            return
        for ahead, candidate in enumerate(self._expected):
            if candidate == frame:
                for _ in range(ahead + 1):
                    self._expected.popleft()
                self.lost += ahead
                self.checked += 1
                return
        self._unexpected(frame)

    def give_up(self) -> None:
        """What is outstanding will not come: it is lost."""
        self.lost += len(self._expected)
        self._expected.clear()

    def _unexpected(self, frame: bytes) -> None:
        self.wrong += 1
        if len(self.errors) < _KEPT_ERRORS:
            self.errors.append(f"{self.name}: {len(frame)} bytes that nobody sent{self._difference(frame)}")

    def _difference(self, frame: bytes) -> str:
        if not self._expected:
            return ", and nothing is outstanding"
        wanted = self._expected[0]
        if len(wanted) != len(frame):
            return f"; {len(wanted)} bytes were next"
        at = next(index for index in range(len(frame)) if frame[index] != wanted[index])
        return f"; next was the same but for byte {at}: {frame[at]:#04x}, not {wanted[at]:#04x}"
