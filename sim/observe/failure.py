# SPDX-License-Identifier: MIT
"""What a failed simulation leaves and how to have it again, for whoever reads the failing test.

`note` is told of every simulation that starts; `forget` begins a new test.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Ran", "failure_lines", "forget", "note", "noted"]

_CAPTURES, _TRACE, _WAVES, _LOG = ("wire.pcapng", "host.pcapng"), "trace.json", "dump.fst", "simulation.log"
_TAIL_LINES = 25


@dataclass(frozen=True, slots=True)
class Ran:
    """A simulation: where it leaves what it leaves, and its seed."""

    folder: Path
    seed: int


_noted: list[Ran] = []


def forget() -> None:
    _noted.clear()


def note(folder: Path, seed: int) -> None:
    _noted.append(Ran(folder, seed))


def noted() -> list[Ran]:
    """Of the test that runs now, in order."""
    return list(_noted)


def _repeat(seed: int) -> list[str]:
    """Of a test; of a command the command line says it itself."""
    test = os.environ.get("PYTEST_CURRENT_TEST", "").rpartition(" ")[0]
    return [f"  repeat  NICOSIM_SEED={seed} make test ARGS=\"'{test}'\""] if test else []


def _errors(log: str) -> list[str]:
    """What the RTL's assertions and the checkers said: why a simulation ended."""
    return re.findall(r"^.*(?:%Error: |: rule \w+ broken ).*$", log, re.M)[:5]


def failure_lines(ran: Ran, failures: list[str], *, with_log: bool = True) -> list[str]:
    """Seed, the line that repeats it, captures, trace, waves, and the end of the log. failures: one for each case."""
    folder = ran.folder
    log = (folder / _LOG).read_text(errors="replace") if (folder / _LOG).exists() else ""
    captures = [str(folder / name) for name in _CAPTURES if (folder / name).exists()]

    def there(name: str, switch: str) -> str:
        path = folder / name
        return str(path) if path.exists() else f"not written: {switch}=1 before the repeat line leaves {name} there"

    lines = [f"  {line}" for failure in [*failures, *_errors(log)] for line in failure.splitlines()]
    lines += [
        f"  seed    {ran.seed}",
        *_repeat(ran.seed),
        f"  folder  {folder}",
        *(f"  pcap    {path}" for path in captures),
        *([f"  trace   {there(_TRACE, 'TRACE')}"] if captures else []),
        f"  waves   {there(_WAVES, 'WAVES')}",
    ]
    if with_log and log:
        lines.append(f"  log     {folder / _LOG}, which ends:")
        lines += [f"    {line}" for line in log.splitlines()[-_TAIL_LINES:]]
    return lines
