# SPDX-License-Identifier: MIT
"""What `nicosim bench` makes of what its simulations measured: medians, ratios, tables, plots."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sim.benchmark import tables
from sim.benchmark.cells import CELLS_VARIABLE, Cell, cells_from_environment, cells_to_json, line_rate, rates
from sim.benchmark.command import limits, ratios
from sim.benchmark.plan import medians
from sim.benchmark.plots import plot_all

Row = dict[str, Any]


def speed_row(host: str, main: str, size: int, frames_per_s: float, direction: str = "loopback") -> Row:
    return {
        "host": host, "wire": "native" if host == "native" else "cocotbext", "main": main, "size": size,
        "direction": direction, "frames_per_s": frames_per_s, "us_per_frame": 1e6 / frames_per_s,
        "cycles_per_s": 10 * frames_per_s, "hardware_frames_per_s": 14.88e6, "least": frames_per_s,
        "most": frames_per_s,
    }  # fmt: skip


@pytest.fixture
def measured() -> dict[str, list[Row]]:
    rows: dict[str, list[Row]] = {"speed": [], "unchecked": [], "limit": []}
    for size, scale in ((64, 8.0), (1518, 1.0)):
        rows["speed"] += [
            speed_row("native", "nicosim", size, 4000.0 * scale),
            speed_row("native", "nicosim", size, 9999.0 * scale, "tx"),
            speed_row("axi", "nicosim", size, 100.0 * scale),
            speed_row("axi", "cocotb", size, 80.0 * scale),
        ]
        rows["unchecked"].append(speed_row("native", "nicosim", size, 4400.0 * scale))
        rows["limit"] += [
            {"size": size, "direction": way, "frames_per_s": fps * scale, "us_per_frame": 1.0, "cycles_per_s": 1.0}
            for way, fps in (("tx", 6000.0), ("loopback", 5000.0))
        ]
    return rows


def test_line_rate_counts_preamble_and_gap() -> None:
    assert round(line_rate(64)) == 14_880_952 and round(line_rate(1518)) == 812_744


def test_rates_are_of_the_time_in_which_every_direction_moved() -> None:
    """One frame each 100 ns; the other each 50 ns, and it ends sooner."""
    slow, fast = list(range(0, 2000, 100)), list(range(0, 1000, 50))
    assert rates([slow, fast]) == pytest.approx([1e7, 2e7])
    assert rates([slow], warm_up=5) == pytest.approx([1e7])
    assert rates([]) == []


def test_frames_of_one_moment_count_from_the_next_on() -> None:
    """Four descriptors in one write-back each 400 ns are a frame each 100 ns."""
    assert rates([[moment for moment in range(0, 4000, 400) for _ in range(4)]]) == pytest.approx([1e7])


def test_cells_cross_into_the_simulator(monkeypatch: pytest.MonkeyPatch) -> None:
    cells = [Cell("speed", 1518, "tx", 10, checks=False), Cell("flows", amount=7)]
    monkeypatch.setenv(CELLS_VARIABLE, cells_to_json(cells))
    assert cells_from_environment() == cells


def test_medians_are_of_rounds_of_the_same_thing() -> None:
    rows = [speed_row("native", "nicosim", 64, value) for value in (10.0, 30.0, 20.0)]
    rows.insert(1, speed_row("axi", "nicosim", 64, 5.0))
    found = medians(rows, ("host", "wire", "main", "size", "direction"))
    assert [(row["host"], row["frames_per_s"]) for row in found] == [("native", 20.0), ("axi", 5.0)]
    assert (found[0]["least"], found[0]["most"]) == (10.0, 30.0)


def test_ratios_compare_loopback_with_the_same_main_and_with_the_limit(measured: dict[str, list[Row]]) -> None:
    assert ratios(measured) == {
        "native_vs_axi": {"64": 40.0, "1518": 40.0},
        "native_vs_stock": {"64": 50.0, "1518": 50.0},
        "native_vs_limit": {"64": 0.8, "1518": 0.8},
        "checks": {"64": 1.1, "1518": 1.1},
    }


def test_a_limit_has_one_row_a_size(measured: dict[str, list[Row]]) -> None:
    assert [(row["size"], row["frames_per_s"], row["by_direction"]["tx"]) for row in limits(measured["limit"])] == [
        (64, 40_000.0, 48_000.0),
        (1518, 5000.0, 6000.0),
    ]


def test_tables_show_every_row(measured: dict[str, list[Row]]) -> None:
    shown = tables.speed_table(measured["speed"])
    assert len(shown.splitlines()) == 2 + len(measured["speed"]) and "32000" in shown
    told = tables.ratio_lines(ratios(measured))
    assert "64 B: 40.00 (reaches 20)" in told and "1518 B: 40.00 (short of 60)" in told
    split = [{"size": 64, "us_per_frame": 50.0, "share": {"model": 0.5, "driver": 0.5}}]
    assert tables.split_table(split).count("25.0") == 2


def test_plots_are_the_same_for_the_same_numbers(measured: dict[str, list[Row]], tmp_path: Path) -> None:
    result = {"speed": measured["speed"], "limit": limits(measured["limit"])}
    drawn = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        plots = plot_all(result, tmp_path / name)
        assert plots is not None and [plot.name for plot in plots] == ["speed.svg"]
        drawn.append(plots[0].read_bytes())
    assert drawn[0] == drawn[1] and b"<svg" in drawn[0]
