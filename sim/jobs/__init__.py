# SPDX-License-Identifier: MIT
"""What runs inside the simulator for the command line: one module per command, and the specification it is given."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field

__all__ = ["SPEC_VARIABLE", "ReplayFile", "Spec"]

SPEC_VARIABLE = "NICOSIM_JOB"


@dataclass(frozen=True, slots=True)
class ReplayFile:
    """A capture to replay. speed: `line` or `captured`; filtered: the card's filter decides, not promiscuous mode;
    raw: short frames go out unpadded."""

    path: str
    speed: str = "line"
    filtered: bool = False
    raw: bool = False


@dataclass(frozen=True, slots=True)
class Spec:
    """A job. captures: what to replay; ping_bytes: sizes of the echo data that partner and host send."""

    captures: tuple[ReplayFile, ...] = ()
    ping_bytes: tuple[int, ...] = field(default=(0, 56, 1472, 8972))

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @staticmethod
    def from_environment() -> Spec:
        raw = json.loads(os.environ[SPEC_VARIABLE])
        return Spec(tuple(ReplayFile(**capture) for capture in raw["captures"]), tuple(raw["ping_bytes"]))
