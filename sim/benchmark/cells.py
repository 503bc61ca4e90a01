# SPDX-License-Identifier: MIT
"""A cell: one thing that a simulation of `nicosim bench` measures. Crosses into the simulator's process as JSON."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from typing import Any

__all__ = ["CELLS_VARIABLE", "RESULTS", "Cell", "cells_from_environment", "cells_to_json", "line_rate", "rates"]

CELLS_VARIABLE = "NICOSIM_CELLS"
RESULTS = "cells.json"

_GAP_AND_PREAMBLE_BYTES = 20
_LINE_BITS_PER_S = 10e9


def line_rate(size: int) -> float:
    """Frames a second that 10 Gbit/s carries. size: bytes with FCS."""
    return _LINE_BITS_PER_S / (8 * (size + _GAP_AND_PREAMBLE_BYTES))


def rates(moved: list[list[int]], warm_up: int = 0) -> list[float]:
    """Frames a second of each list of moments (ns), in the time in which all of them went on, the first ones left out.

    Frames of one moment (a write-back of several descriptors) count from the next moment on.
    """
    if not moved:
        return []
    begin, end = max(times[warm_up] for times in moved), min(times[-1] for times in moved)
    found = []
    for times in moved:
        inside = [moment for moment in times if begin <= moment <= end]
        later = sum(moment > inside[0] for moment in inside)
        found.append(later / (inside[-1] - inside[0]) * 1e9 if later else 0.0)
    return found


@dataclass(frozen=True, slots=True)
class Cell:
    """what: a method of sim/jobs/bench.py's Measure. size: bytes with FCS; direction: tx, rx, both or loopback.

    frames: each way. amount: of what the cell varies (frames in flight, flows). checks: contract checks and RTL
    assertions as in every run; off leaves out what can be left out.
    """

    what: str
    size: int = 64
    direction: str = "loopback"
    frames: int = 2000
    amount: int = 0
    checks: bool = True


def cells_to_json(cells: list[Cell]) -> str:
    return json.dumps([asdict(cell) for cell in cells])


def cells_from_environment() -> list[Cell]:
    """Inside the simulator: what it is to measure, in order."""
    cells: list[dict[str, Any]] = json.loads(os.environ[CELLS_VARIABLE])
    return [Cell(**cell) for cell in cells]
