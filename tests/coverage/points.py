# SPDX-License-Identifier: MIT
"""What Verilator counted (coverage.dat, --coverage-line), added up over instances and simulations; lcov of it.

Only hand-written RTL counts, and of a module only what is above its `promises`: assertions are there not to be reached.
Nor does a branch that is only `return`: Verilator puts its counter behind the jump, where it
stays 0 however often the branch is taken.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.mutate.verilog_source import promises

__all__ = ["FileCover", "lcov", "read"]

_ONLY_RETURN = re.compile(r"\s*(else )?if \(.*\) return\b.*")


@dataclass(slots=True)
class FileCover:
    """lines: number -> how often; branches: (line, column, which way) -> how often."""

    lines: Counter[int] = field(default_factory=Counter)
    branches: Counter[tuple[int, int, str]] = field(default_factory=Counter)

    @property
    def line_holes(self) -> list[int]:
        return sorted(line for line, count in self.lines.items() if not count)

    @property
    def branch_holes(self) -> list[tuple[int, int, str]]:
        return sorted(place for place, count in self.branches.items() if not count)


def read(paths: Iterable[Path], root: Path) -> dict[str, FileCover]:
    """Every coverage.dat in `paths`, by file below `root`, which the names in them must begin with."""
    points: Counter[tuple[str, str, int, int, str, str]] = Counter()
    for path in paths:
        for line in path.read_text(errors="replace").splitlines():
            if line.startswith("C '"):
                place, count = _point(line, root)
                if place is not None:
                    points[place] += count
    files: dict[str, FileCover] = defaultdict(FileCover)
    texts = {file: (root / file).read_text() for file in {place[0] for place in points}}
    ends = {file: text.encode()[: promises(text.encode())].count(b"\n") + 1 for file, text in texts.items()}
    rows = {file: text.splitlines() for file, text in texts.items()}
    for (file, kind, number, column, way, lines), count in points.items():
        if number >= ends[file] or (way == "if" and _ONLY_RETURN.fullmatch(rows[file][number - 1])):
            continue
        for each in _lines(lines) if lines else []:
            files[file].lines[each] = max(files[file].lines[each], count)
        if kind == "branch":
            files[file].branches[number, column, way] += count
    return dict(sorted(files.items()))


def _point(line: str, root: Path) -> tuple[tuple[str, str, int, int, str, str] | None, int]:
    text, _, count = line[3:].rpartition("' ")
    values = dict(item.split("\x02", 1) for item in text.split("\x01") if "\x02" in item)
    file = Path(values["f"])
    counted = file.is_relative_to(root / "hdl") and "gen" not in file.parts and not file.stem.endswith("_check")
    if not counted or values.get("t") not in ("line", "branch"):
        return None, 0
    name = str(file.relative_to(root))
    return (name, values["t"], int(values["l"]), int(values["n"]), values.get("o", ""), values.get("S", "")), int(count)


def _lines(text: str) -> Iterable[int]:
    """`10-12,14`: each line of it."""
    for part in text.split(","):
        first, _, last = part.partition("-")
        yield from range(int(first), int(last or first) + 1)


def lcov(files: Mapping[str, FileCover], root: Path) -> str:
    """As genhtml reads it."""
    out = []
    for file, cover in files.items():
        out += ["TN:", f"SF:{root / file}"]
        for index, ((line, _, _), count) in enumerate(sorted(cover.branches.items())):
            out.append(f"BRDA:{line},0,{index},{count or '-'}")
        out += [f"BRF:{len(cover.branches)}", f"BRH:{len(cover.branches) - len(cover.branch_holes)}"]
        out += [f"DA:{line},{count}" for line, count in sorted(cover.lines.items())]
        out += [f"LF:{len(cover.lines)}", f"LH:{len(cover.lines) - len(cover.line_holes)}", "end_of_record"]
    return "\n".join(out) + "\n"
