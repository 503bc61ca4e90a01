# SPDX-License-Identifier: MIT
"""SVG plots of `nicosim bench`, with matplotlib where it is installed. The same numbers give the same bytes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

__all__ = ["plot_all"]

Row = dict[str, Any]


def plot_all(result: Row, folder: Path) -> list[Path] | None:
    """Draw what `result` holds; the files, None without matplotlib."""
    try:
        import matplotlib
        from matplotlib.figure import Figure
    except ImportError:
        return None
    matplotlib.rcParams["svg.hashsalt"] = "nicosim"
    drawers = {"speed": _speed, "line_rate": _line_rate, "scaling": _scaling, "split": _split}
    plots = []
    for name, draw in drawers.items():
        if name in result:
            figure = Figure(figsize=(8, 4.5), layout="constrained")
            draw(figure, result)
            plots.append(folder / f"{name}.svg")
            figure.savefig(plots[-1], metadata={"Date": None})
    return plots


def _speed(figure: Any, result: Row) -> None:
    """Frames a second, logarithmic: hosts and the limit side by side for each size, loopback."""
    axes = figure.subplots()
    rows = [row for row in result["speed"] if row["direction"] == "loopback"]
    bars = [(f"{row['host']}, main {row['main']}", row["size"], row["frames_per_s"]) for row in rows]
    bars += [("limit (C++ ring filler)", row["size"], row["frames_per_s"]) for row in result["limit"]]
    names, sizes = list(dict.fromkeys(bar[0] for bar in bars)), sorted({bar[1] for bar in bars})
    width = 0.8 / len(names)
    for number, name in enumerate(names):
        heights = [next(bar[2] for bar in bars if bar[:2] == (name, size)) for size in sizes]
        drawn = axes.bar([index + number * width for index in range(len(sizes))], heights, width, label=name)
        axes.bar_label(drawn, fmt="{:.0f}", fontsize=8)
    axes.set_xticks([index + 0.4 - width / 2 for index in range(len(sizes))], [f"{size} B" for size in sizes])
    axes.set_yscale("log")
    axes.set_ylabel("frames per second of wall time")
    axes.set_title("Simulation speed, loopback through the whole driver and stack")
    axes.legend(fontsize=8)


def _line_rate(figure: Any, result: Row) -> None:
    """The share of 10 Gbit/s by frame size, a line for each direction and latency."""
    axes = figure.subplots()
    rows = result["line_rate"]
    for latency_ns in sorted({row["latency_ns"] for row in rows}):
        for direction in ("tx", "rx", "both"):
            line = [row for row in rows if (row["latency_ns"], row["direction"]) == (latency_ns, direction)]
            points = [row["size"] for row in line], [100 * row["fraction"] for row in line]
            axes.plot(*points, marker="o", label=f"{direction}, memory {latency_ns} ns")
    axes.set_xscale("log", base=2)
    axes.set_xticks(sorted({row["size"] for row in rows}), sorted({row["size"] for row in rows}))
    axes.set_ylim(0, 105)
    axes.set_xlabel("bytes with FCS")
    axes.set_ylabel("% of 10 Gbit/s line rate")
    axes.set_title("The card's throughput (simulated time)")
    axes.legend(fontsize=8)


def _scaling(figure: Any, result: Row) -> None:
    names = {"ring": "descriptors a ring", "in_flight": "frames in flight", "flows": "UDP flows"}
    for axes, (what, name) in zip(figure.subplots(1, len(names)), names.items(), strict=True):
        rows = result["scaling"][what]
        axes.plot([row["amount"] for row in rows], [row["frames_per_s"] for row in rows], marker="o")
        axes.set_xscale("log", base=2)
        axes.set_ylim(bottom=0)
        axes.set_xlabel(name)
    figure.axes[0].set_ylabel("frames per second of wall time")
    figure.suptitle("Scaling, native, 64 B")


def _split(figure: Any, result: Row) -> None:
    """Stacked: microseconds of a frame by part."""
    axes = figure.subplots()
    rows = result["split"]
    left = [0.0] * len(rows)
    for part in dict.fromkeys(part for row in rows for part in row["share"]):
        widths = [row["us_per_frame"] * row["share"].get(part, 0.0) for row in rows]
        axes.barh([f"{row['size']} B" for row in rows], widths, left=left, label=part)
        left = [start + width for start, width in zip(left, widths, strict=True)]
    axes.set_xlabel("microseconds of wall time a frame, loopback")
    axes.set_title("Where the time goes")
    axes.legend(fontsize=8)
