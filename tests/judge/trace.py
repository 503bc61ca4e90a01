# SPDX-License-Identifier: MIT
"""The recordings in data/ as lists of what happened, and the steps they fall into."""

from __future__ import annotations

import gzip
import itertools
import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

__all__ = ["ADMIN", "DATA", "DRIVER", "SELFTEST", "Kind", "Op", "Step", "admin_steps", "nvm_words", "parse", "steps_of"]

DATA = Path(__file__).parent / "data"
ADMIN = {mode: f"e1000e-admin-trace-{mode}.txt.gz" for mode in ("intx", "msi", "msix")}
DRIVER, SELFTEST = "e1000e-driver-trace.txt.gz", "e1000e-selftest-trace.txt.gz"

# Recordings without marks of their own: first line of each step. The driver's five pings end before it closes; the
# self-test opens with the frame of the link test before it, and its parts begin at the first STATUS and EERD.
_STAGES = {
    DRIVER: {"probe": 1, "open": 1301, "traffic": 3250, "close": 3293},
    SELFTEST: {"before": 1, "registers": 123, "reset": 1424, "nvm": 2250, "rest": 2442},
}


class Kind(Enum):
    """What a line tells. LINE: INTx moved to `value`; the last four are the stand-in's other deeds."""

    READ = "R"
    WRITE = "W"
    LINE = "INTx"
    MSI = "MSI"
    MSIX = "MSI-X"
    RESET = "reset"
    SENT = "TX frame"
    CAME = "RX frame"
    CONFIG = "configuration"
    TABLE = "MSI-X table"


@dataclass(frozen=True, slots=True)
class Op:
    """One line of a recording. offset: in BAR0, bytes. value: read, written, the line's level, or a frame's bytes.
    head: the first 14 bytes of a frame that the card sent."""

    line: int
    kind: Kind
    offset: int = 0
    value: int = 0
    head: bytes = b""

    def __str__(self) -> str:
        arrow = {Kind.READ: "->", Kind.WRITE: "<-"}.get(self.kind, "")
        where = f"{self.offset:05x} " if arrow else ""
        return f"line {self.line}: {self.kind.value} {where}{arrow} {self.value:08x}"


@dataclass(frozen=True, slots=True)
class Step:
    title: str
    ops: tuple[Op, ...]


_ACCESS = re.compile(r"MMIO_(READ|WRITE)\s+bar0\+(\w+)/4 \w* ?(?:->|<-) (\w+)")
_FRAME = re.compile(r"\*\* (TX|RX) frame (\d+)B ?(\w*)")
_STEP = re.compile(r"## step \d+: (.*)")
_OTHERS = (
    ("CFG_", Kind.CONFIG), ("MSIX_TABLE", Kind.TABLE), ("** MSI-X", Kind.MSIX), ("** MSI ", Kind.MSI),
    ("** device reset", Kind.RESET),
)  # fmt: skip


def parse(name: str) -> list[Op | str]:
    """Every line of a recording but comments and the recorder's own (VU): what happened, or a step's title.

    Raises: ValueError at a line that is none of these.
    """
    found = []
    for number, text in enumerate(gzip.decompress((DATA / name).read_bytes()).decode().splitlines(), 1):
        if (step := _STEP.match(text)) is not None:
            found.append(step[1])
        elif text and not text.startswith(("# ", "VU ")):
            found.append(_op(number, text))
    return found


def _op(number: int, text: str) -> Op:
    if (access := _ACCESS.fullmatch(text)) is not None:
        kind = Kind.READ if access[1] == "READ" else Kind.WRITE
        return Op(number, kind, int(access[2], 16), int(access[3], 16))
    if (frame := _FRAME.fullmatch(text)) is not None:
        kind = Kind.SENT if frame[1] == "TX" else Kind.CAME
        return Op(number, kind, value=int(frame[2]), head=bytes.fromhex(frame[3]))
    if text.startswith("** INTx "):
        return Op(number, Kind.LINE, value=int(text[8:]))
    for prefix, kind in _OTHERS:
        if text.startswith(prefix):
            return Op(number, kind)
    raise ValueError(f"line {number} is nothing known: {text}")


def steps_of(name: str) -> dict[str, Step]:
    """The steps of a recording that has no marks, by name."""
    ops = [op for op in parse(name) if isinstance(op, Op)]
    begins = [*_STAGES[name].items(), ("", ops[-1].line + 1)]
    return {
        title: Step(title, tuple(op for op in ops if first <= op.line < end))
        for (title, first), (_, end) in itertools.pairwise(begins)
    }


def admin_steps(mode: str) -> list[Step]:
    """The administrative steps of one interrupt mode, in order; what precedes the first is configuration space's."""
    steps: list[tuple[str, list[Op]]] = []
    for item in parse(ADMIN[mode]):
        if isinstance(item, str):
            steps.append((item, []))
        elif steps:
            steps[-1][1].append(item)
    return [Step(title, tuple(ops)) for title, ops in steps]


_EERD, _DONE = 0x14, 1 << 1


def nvm_words(ops: Iterable[Op]) -> dict[int, int]:
    """The NVM's contents, as far as they were read: word address to value.

    Raises: ValueError when one word was read as two values.
    """
    words: dict[int, int] = {}
    for op in ops:
        if op.kind is Kind.READ and op.offset == _EERD and op.value & _DONE:
            address, word = op.value >> 2 & 0x3FFF, op.value >> 16
            if words.setdefault(address, word) != word:
                raise ValueError(f"NVM word {address:#x} was read as {words[address]:#06x} and {word:#06x}")
    return words
