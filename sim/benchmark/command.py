# SPDX-License-Identifier: MIT
"""`nicosim bench`, the outer side: runs the plan, writes bench.json and the plots, prints the tables."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sim.benchmark import tables
from sim.benchmark.plan import Plan
from sim.benchmark.plots import plot_all
from sim.observe.artefacts import versions

__all__ = ["BENCH_JSON", "PARTS", "limits", "ratios", "run_bench"]

BENCH_JSON = "bench.json"

Row = dict[str, Any]


def _of(rows: list[Row], size: int, **named: str) -> Row:
    """The loopback row of a size."""
    wanted = {"size": size, "direction": "loopback", **named}
    return next(row for row in rows if all(row[key] == value for key, value in wanted.items()))


def ratios(measured: dict[str, list[Row]]) -> dict[str, dict[str, float]]:
    """Frames a second against frames a second, loopback, by size."""
    ratio: dict[str, dict[str, float]] = {}
    for size in sorted({row["size"] for row in measured["limit"]}):
        native = _of(measured["speed"], size, host="native")["frames_per_s"]
        others = {
            "native_vs_axi": _of(measured["speed"], size, host="axi", main="nicosim"),
            "native_vs_stock": _of(measured["speed"], size, host="axi", main="cocotb"),
            "native_vs_limit": _of(measured["limit"], size),
        }
        for name, row in others.items():
            ratio.setdefault(name, {})[str(size)] = native / row["frames_per_s"]
        without = _of(measured["unchecked"], size)["frames_per_s"]
        ratio.setdefault("checks", {})[str(size)] = without / native
    return ratio


def limits(rows: list[Row]) -> list[Row]:
    """One row a size: the loopback limit, and those of the other directions beside it."""
    return [
        {
            "size": size,
            "frames_per_s": _of(rows, size)["frames_per_s"],
            "direction": "loopback",
            "by_direction": {row["direction"]: row["frames_per_s"] for row in rows if row["size"] == size},
        }
        for size in sorted({row["size"] for row in rows})
    ]


def _speed(plan: Plan, result: Row) -> list[str]:
    measured = plan.speed()
    result |= {"speed": measured["speed"], "unchecked": measured["unchecked"], "limit": limits(measured["limit"])}
    result["ratio"] = ratios(measured)
    return [
        tables.speed_table(measured["speed"]),
        tables.speed_table(measured["unchecked"], "without RTL assertions and memory poison"),
        tables.limit_table(measured["limit"]),
        tables.ratio_lines(result["ratio"]),
    ]


def _split(plan: Plan, result: Row) -> list[str]:
    result["split"] = plan.split()
    return [tables.split_table(result["split"])]


def _line_rate(plan: Plan, result: Row) -> list[str]:
    result["line_rate"] = plan.line_rate()
    return [tables.line_rate_table(result["line_rate"])]


def _latency(plan: Plan, result: Row) -> list[str]:
    result["latency"] = plan.latency()
    return [tables.latency_table(result["latency"])]


def _scaling(plan: Plan, result: Row) -> list[str]:
    result["scaling"] = plan.scaling()
    return [tables.scaling_table(result["scaling"])]


# What a part puts into the result, and the tables that show it.
_MEASURED: dict[str, Callable[[Plan, Row], list[str]]] = {
    "speed": _speed,
    "split": _split,
    "line-rate": _line_rate,
    "latency": _latency,
    "scaling": _scaling,
}
PARTS = tuple(_MEASURED)


def run_bench(seed: int, folder: Path, *, quick: bool, parts: tuple[str, ...], say: Callable[[str], None]) -> Row:
    """Measure `parts`; what came out, as bench.json holds it. Prints the tables.

    Raises: sim.runner.SimulationError.
    """
    plan = Plan(seed, folder, quick=quick, say=say)
    result: Row = {"seed": seed, "quick": quick, "rounds": plan.rounds, "versions": versions()}
    shown: list[str] = []
    for part in PARTS:
        if part in parts:
            shown += _MEASURED[part](plan, result)
            # After each part, so that what was measured is not lost with a later one.
            (folder / BENCH_JSON).write_text(json.dumps(result, indent=2) + "\n")
    plots = plot_all(result, folder)
    print("\n\n".join(shown))
    if plots is None:
        print("\nno plots: matplotlib is not installed (make setup)")
    elif plots:
        print("\nplots: " + ", ".join(plot.name for plot in plots))
    return result
