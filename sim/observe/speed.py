# SPDX-License-Identifier: MIT
"""The rounds of `nicosim bench`, and what they come to: medians, as a table and for machines."""

from __future__ import annotations

import json
from pathlib import Path
from statistics import median
from typing import Any

__all__ = ["ROUNDS", "medians", "speed_table"]

ROUNDS = "rounds.json"
_WHAT = ("host", "wire", "main", "size", "direction")  # the rest of a round is measured


def medians(rounds: Path) -> list[dict[str, Any]]:
    """One row for everything that was measured several times, in the order of the first round."""
    groups: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    for one in json.loads(rounds.read_text()):
        groups.setdefault(tuple(one[key] for key in _WHAT), []).append(one)
    return [
        dict(zip(_WHAT, what, strict=True))
        | {key: median(one[key] for one in group) for key in group[0] if key not in _WHAT}
        for what, group in groups.items()
    ]


def speed_table(rows: list[dict[str, Any]]) -> str:
    """Several lines, without a line end."""
    lines = ["  bytes  direction   frames/s   us/frame   cycles/s   hardware Mframes/s (simulated time)"]
    for row in rows:
        lines.append(
            f"  {row['size']:>5}  {row['direction']:<9} {row['frames_per_s']:>10.0f} {row['us_per_frame']:>10.0f} "
            f"{row['cycles_per_s']:>10.0f} {row['hardware_frames_per_s'] / 1e6:>10.3f}"
        )
    return "\n".join(lines)
