# SPDX-License-Identifier: MIT
"""Coverage for people: a line per file, then each hole by name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import combinations, groupby, product
from math import prod
from pathlib import Path
from typing import Any

from sim.observe.bins import ANSWERS, Bin
from tests.coverage.points import FileCover

__all__ = ["bin_pairs", "bin_products", "bins_table", "impossible", "python_rows", "rtl_rows", "sums", "table"]

Row = tuple[str, int, int, int, int, list[str]]  # file, lines hit and all, branches hit and all, holes


def rtl_rows(files: Mapping[str, FileCover], root: Path) -> list[Row]:
    rows: list[Row] = []
    for file, cover in files.items():
        text = (root / file).read_text().splitlines()
        holes = [f"{_span(lines)}: {text[lines[0] - 1].strip()}" for lines in _runs(cover.line_holes)]
        holes += [
            f"{line}: never {way}: {text[line - 1].strip()}" for line, _, way in cover.branch_holes
            if cover.lines.get(line) != 0
        ]  # fmt: skip
        lines, branches = len(cover.lines), len(cover.branches)
        rows.append((file, lines - len(cover.line_holes), lines, branches - len(cover.branch_holes), branches, holes))
    return rows


def python_rows(report: Mapping[str, Any]) -> list[Row]:
    """report: coverage.py's JSON."""
    rows: list[Row] = []
    for file, entry in sorted(report["files"].items()):
        told = entry["summary"]
        missing = set(entry["missing_lines"])
        holes = [_span(lines) for lines in _runs(sorted(missing))]
        holes += [f"{a}->{b if b > 0 else 'end'}" for a, b in entry["missing_branches"] if a not in missing]
        rows.append(
            (file, told["covered_lines"], told["num_statements"], told["covered_branches"], told["num_branches"], holes)
        )
    return rows


def table(title: str, rows: Iterable[Row]) -> str:
    """Rows, their sum, and the holes of each."""
    rows = list(rows)
    total: Row = ("all", *sums(rows), [])
    out = [f"{title:<36}{'lines':>14}{'%':>7}{'branches':>14}{'%':>7}"]
    for name, hit, lines, taken, branches, _ in [*rows, total]:
        counts = f"{hit}/{lines}", _percent(hit, lines), f"{taken}/{branches}", _percent(taken, branches)
        out.append(f"{name:<36}{counts[0]:>14}{counts[1]:>7}{counts[2]:>14}{counts[3]:>7}")
    out += ["", f"{title}: holes"]
    for name, *_, holes in rows:
        out += [f"  {name}", *(f"    {hole}" for hole in holes)] if holes else []
    return "\n".join(out) + "\n"


def sums(rows: Iterable[Row]) -> tuple[int, int, int, int]:
    """Lines hit and all, branches hit and all."""
    columns = list(zip(*(row[1:5] for row in rows), strict=True)) or [()] * 4
    hit, lines, taken, branches = (sum(column) for column in columns)
    return hit, lines, taken, branches


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f}" if whole else "-"


def _runs(numbers: list[int]) -> list[list[int]]:
    """Neighbours together."""
    groups = groupby(enumerate(numbers), lambda pair: pair[1] - pair[0])
    return [[number for _, number in group] for _, group in groups]


def _span(lines: list[int]) -> str:
    return str(lines[0]) if len(lines) == 1 else f"{lines[0]}-{lines[-1]}"


# ---------------------------------------------------------------------- bins
_OF_A_RECEIVED_FRAME = ("bad FCS", "symbol error", "truncated")


def impossible(answers: Mapping[str, str]) -> bool:
    """A card never sends what is too short or too long, and no test can corrupt what it sends."""
    tx = answers.get("direction") == "tx"
    return tx and (answers.get("size") in ("runt", "giant") or answers.get("fault") in _OF_A_RECEIVED_FRAME)


def bin_pairs(counts: Mapping[Bin, int]) -> tuple[int, int, list[str]]:
    """Pairs of answers that met in some frame, possible pairs, and those that never met."""
    names = list(ANSWERS)
    places = list(combinations(range(len(names)), 2))
    met = {((a, place[a]), (b, place[b])) for place, count in counts.items() if count for a, b in places}
    holes, possible = [], 0
    for a, b in places:
        for one, other in product(ANSWERS[names[a]], ANSWERS[names[b]]):
            if impossible({names[a]: one, names[b]: other}):
                continue
            possible += 1
            if ((a, one), (b, other)) not in met:
                holes.append(f"{names[a]} {one} with {names[b]} {other}")
    return possible - len(holes), possible, holes


def bin_products(counts: Mapping[Bin, int]) -> tuple[int, int]:
    """Combinations of size, ring, interrupt mode (ITR and RDTR) and fault that some frame met, in either direction,
    and possible ones."""
    met = {place[1:] for place, count in counts.items() if count}
    return len(met), prod(len(answers) for name, answers in ANSWERS.items() if name != "direction")


def bins_table(counts: Mapping[Bin, int]) -> str:
    """How many frames gave each answer; how many bins and pairs were met; the pairs that were not."""
    names = list(ANSWERS)
    out = [f"bins: {sum(counts.values())} frames in {len(counts)} different bins ({' x '.join(names)})"]
    for index, name in enumerate(names):
        frames: Counter[str] = Counter()
        for place, count in counts.items():
            frames[place[index]] += count
        out.append(f"  {name:<10} " + "  ".join(f"{answer} {frames[answer]}" for answer in ANSWERS[name]))
    met, possible, holes = bin_pairs(counts)
    whole, all_of_them = bin_products(counts)
    out += [
        f"  pairs      {met} of {possible} ({_percent(met, possible)} %)",
        f"  size x ring x (itr x rdtr) x fault  {whole} of {all_of_them} ({_percent(whole, all_of_them)} %)", "",
        "bins: pairs that never met",
    ]  # fmt: skip
    return "\n".join([*out, *(f"  {hole}" for hole in holes)]) + "\n"
