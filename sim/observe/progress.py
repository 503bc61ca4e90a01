# SPDX-License-Identifier: MIT
"""Progress of a simulation, told by its process, shown by the command line's.

The job writes lines to a named pipe in the run's folder; a thread of the command line shows them: as one live line on a
terminal, else as plain lines, one per step.
"""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TextIO

__all__ = ["PIPE", "Progress", "shown"]

PIPE = "progress.pipe"
_INTERVAL_S = 0.1


class Progress:
    """The job's end. step: what is being done, said once; update: how far it is, as often as one likes."""

    def __init__(self, folder: Path) -> None:
        self._pipe: int | None = None
        self._last_s = 0.0
        self.steps: list[str] = []
        with suppress(OSError):  # nobody listens: a job started without the command line
            self._pipe = os.open(folder / PIPE, os.O_WRONLY | os.O_NONBLOCK)

    def step(self, text: str) -> None:
        self.steps.append(text)
        self._say("=" + text)

    def update(self, tell: Callable[[], str]) -> None:
        """`tell` is asked only when it is time to say something again."""
        now = time.monotonic()
        if now - self._last_s >= _INTERVAL_S:
            self._last_s = now
            self._say("~" + tell())

    def _say(self, line: str) -> None:
        if self._pipe is None:
            return
        try:
            os.write(self._pipe, line.replace("\n", " ").encode() + b"\n")
        except BlockingIOError:
            pass  # the reader is behind: the next line tells more
        except OSError:
            self._pipe = None


class _Display:
    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._live = stream.isatty()
        self._step = ""
        self._begin = time.monotonic()

    def show(self, line: str) -> None:
        kind, text = line[:1], line[1:]
        if kind == "=":
            if self._step and self._live:
                self._paint(self._step, end="\n")
            self._step = text
            if not self._live:
                self._stream.write(f"  {text}\n")
        elif not self._live:
            return
        if self._live:
            self._paint(self._step + (f": {text}" if kind == "~" else " ..."))
        self._stream.flush()

    def _paint(self, text: str, end: str = "") -> None:
        columns = shutil.get_terminal_size().columns
        line = f"{time.monotonic() - self._begin:6.1f} s  {text}"
        self._stream.write(f"\r\x1b[K{line[: columns - 1]}{end}")

    def close(self) -> None:
        if self._live and self._step:
            self._paint(self._step, end="\n")
            self._stream.flush()


@contextmanager
def shown(folder: Path, stream: TextIO) -> Iterator[None]:
    """Show on `stream` what a Progress in `folder` says, as long as the block runs."""
    pipe = folder / PIPE
    os.mkfifo(pipe)
    # Open for both: so that neither end ever waits for the other, and closing ours ends the reader.
    descriptor = os.open(pipe, os.O_RDWR)
    display = _Display(stream)

    def read() -> None:
        with os.fdopen(os.dup(descriptor), "r") as lines:
            for line in lines:
                if line == "\0\n":
                    return
                display.show(line.rstrip("\n"))

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    try:
        yield
    finally:
        os.write(descriptor, b"\0\n")
        reader.join(timeout=2)
        display.close()
        os.close(descriptor)
        pipe.unlink(missing_ok=True)
