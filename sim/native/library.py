# SPDX-License-Identifier: MIT
"""The compiled models, as Python sees them: events out of sim/native/shared.h, and calls into the simulator's program.

There is one simulation in a process, so there is one Library; host and wire share it. Whoever is awake calls `take`,
and every event is handed to whom it concerns, in the order in which things happened.
"""

from __future__ import annotations

import ctypes
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import IntEnum
from typing import Any

__all__ = ["Handler", "Kind", "Library", "NativeError", "library"]

_EVENT = struct.Struct("<IIQQQQ")
_EVENTS, _BYTES = 1 << 15, 8 << 20
_NEVER = (1 << 64) - 1
# Words of struct Shared.
_COUNT, _USED, _URGENT, _BATCH_DUE, _WAKE, _NOW, _CYCLES, _LEAPT, _WAKES, _BATCH, _OBSERVED, _LEAP, _WORDS = range(13)
_TAKEN = struct.Struct("<5Q")  # the words that Python writes when it has taken the events

# (flag, first, second, third, time in ps): what the fields mean is in shared.h, kind by kind.
Handler = Callable[[int, int, int, int, int], None]


class Kind(IntEnum):
    """What happened."""

    READ_DONE = 1
    IRQ = 2
    FENCE = 3
    SENT = 4
    RECEIVED = 5
    DMA_FAULT = 6
    BROKEN = 7
    BURST = 8
    WRITTEN = 9


class NativeError(AssertionError):
    """A compiled model saw a protocol violated."""


def _nobody(flag: int, first: int, second: int, third: int, time_ps: int) -> None:
    """An event that nobody listens to."""


class Library:
    """What the program that this process is exports."""

    def __init__(self) -> None:
        self.lib: Any = ctypes.CDLL(None)
        for name in ("nicosim_shared", "nicosim_events", "nicosim_bytes"):
            getattr(self.lib, name).restype = ctypes.c_void_p
        self._raw = self._memory(self.lib.nicosim_shared(), _WORDS * 8)
        self._words = self._raw.cast("Q")
        self._events = self._memory(self.lib.nicosim_events(), _EVENTS * _EVENT.size)
        self.bytes = self._memory(self.lib.nicosim_bytes(), _BYTES)
        self._handlers: list[Handler] = []
        self.restart()

    def restart(self) -> None:
        """For a new bench: nothing runs, nothing is queued, nobody listens."""
        self.lib.nicosim_restart()
        self._handlers = [_nobody] * (max(Kind) + 1)
        self.on(Kind.BROKEN, self._broken)

    @staticmethod
    def _memory(address: int, size: int) -> memoryview:
        return memoryview((ctypes.c_char * size).from_address(address)).cast("B")

    def on(self, kind: Kind, handler: Handler) -> None:
        """Every event of `kind` goes to `handler`."""
        self._handlers[kind] = handler

    @contextmanager
    def overhearing(self, kind: Kind, handler: Handler) -> Iterator[None]:
        """Let `handler` hear of events too, before whoever hears of them already. Implies observing meanwhile."""
        usual, observed = self._handlers[kind], self._words[_OBSERVED]

        def both(flag: int, first: int, second: int, third: int, time_ps: int) -> None:
            handler(flag, first, second, third, time_ps)
            usual(flag, first, second, third, time_ps)

        self._handlers[kind] = both
        self._words[_OBSERVED] = 1
        try:
            yield
        finally:
            self._handlers[kind] = usual
            self._words[_OBSERVED] = observed

    def take(self) -> None:
        """Hand out what has happened since.

        Raises: NativeError, and whatever a handler raises.
        """
        words = self._words
        count = words[_COUNT]
        if not count:
            words[_URGENT] = 0  # somebody asked to be woken, and is awake
            return
        happened = list(_EVENT.iter_unpack(self._events[: count * _EVENT.size]))
        _TAKEN.pack_into(self._raw, 0, 0, 0, 0, _NEVER, words[_WAKE])
        handlers = self._handlers
        for kind, flag, first, second, third, time_ps in happened:
            handlers[kind](flag, first, second, third, time_ps)

    def _broken(self, flag: int, length: int, offset: int, third: int, time_ps: int) -> None:
        raise NativeError(f"[{time_ps // 1000} ns] {bytes(self.bytes[offset : offset + length]).decode()}")

    # ------------------------------------------------------------------ time
    @property
    def now_ps(self) -> int:
        return self._words[_NOW]

    @property
    def cycles(self) -> int:
        """Of the core clock, those leapt over included."""
        return self._words[_CYCLES]

    @property
    def leapt(self) -> int:
        """Cycles that were not simulated because nothing could happen in them."""
        return self._words[_LEAPT]

    @property
    def wakes(self) -> int:
        """How often the models woke Python."""
        return self._words[_WAKES]

    def wake_at(self, moment_ps: int | None) -> None:
        """Wake Python at that time in any case; None: only when something happens."""
        self._words[_WAKE] = _NEVER if moment_ps is None else moment_ps

    def wake_now(self) -> None:
        """Wake Python at the next clock edge."""
        self._words[_URGENT] = 1

    # ------------------------------------------------------------------ how it runs
    def batch(self, window_ps: int) -> None:
        """How long events may wait for others that nobody urgently waits for."""
        self._words[_BATCH] = window_ps

    def observe(self, enabled: bool) -> None:
        """Tell of bursts and register writes, too."""
        self._words[_OBSERVED] = enabled

    def leap(self, enabled: bool) -> None:
        """Skip idle time."""
        self._words[_LEAP] = enabled


_the_library: list[Library] = []


def library() -> Library:
    """The one of this process.

    Raises: AttributeError in a program without the compiled models.
    """
    if not _the_library:
        _the_library.append(Library())
    return _the_library[0]
