# SPDX-License-Identifier: MIT
"""The hardware's speed, which is simulated time and so exact; and `nicosim bench`, whole."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from sim.benchmark.cells import CELLS_VARIABLE, RESULTS, Cell, cells_to_json, line_rate
from sim.benchmark.plan import Plan
from sim.cli import main
from sim.config import PERIOD_PS, BenchConfig, ClockConfig, DriverConfig, HostConfig
from sim.launch import bench_design, launch
from sim.runner import ROOT, SimulationFailed, run_program

# hdl/README.md, "What it costs": seven cycles for each of the shortest frames.
SLOWEST_CORE_PS = 9600
MODERATED = DriverConfig(
    rx_ring=1024, tx_ring=1024, time_scale=100, interrupt_throttle=50_000, rx_int_delay=0
)  # 20 us


def measured(config: BenchConfig, cells: list[Cell], folder: Path) -> list[dict[str, Any]]:
    launch(config, "sim.jobs.bench", folder, environment={CELLS_VARIABLE: cells_to_json(cells)})
    rows: list[dict[str, Any]] = json.loads((folder / RESULTS).read_text())
    return rows


@pytest.mark.parametrize("core_ps", [PERIOD_PS, SLOWEST_CORE_PS], ids=["156 MHz", "104 MHz"])
def test_the_card_runs_at_line_rate_at_every_size(core_ps: int, tmp_path: Path, bench_seed: int) -> None:
    """Transmit, receive and both at once, memory 1 us late, ring 1024, every descriptor written back, 2048-byte buffers
    (for 9018 bytes: three of 4 KiB), the whole driver in the loop."""
    rows = Plan(bench_seed, tmp_path, quick=True, say=lambda text: None).line_rate((1000,), core_ps)
    assert len(rows) == 8 * 3
    short = [row for row in rows if row["fraction"] < 0.999 or row["missed"]]
    assert short == []


def test_a_card_that_waits_for_memory_is_seen_to(tmp_path: Path, bench_seed: int) -> None:
    """The same cell with memory so late that 32 reads outstanding cannot cover it is not at line rate."""
    config = BenchConfig(bench_seed, host=HostConfig(latency_ns=20_000, memory_bytes=256 << 20), driver=MODERATED)
    (row,) = measured(config, [Cell("line_rate", 64, "tx", 1500)], tmp_path)
    assert row["fraction"] < 0.5 and row["activity"]["read_bursts"] > 20


def test_a_core_that_is_too_slow_is_seen_to(tmp_path: Path, bench_seed: int) -> None:
    """86 MHz: 5.8 cycles for each of the shortest frames."""
    clock = ClockConfig(shared=False, core_ps=11_600)
    config = BenchConfig(bench_seed, host=HostConfig(memory_bytes=256 << 20), driver=MODERATED, clock=clock)
    (row,) = measured(config, [Cell("line_rate", 64, "both", 1500)], tmp_path)
    assert row["fraction"] < 0.9


@pytest.mark.parametrize("direction", ["rx", "both"])
def test_a_card_that_cannot_write_as_fast_is_seen_to(direction: str, tmp_path: Path, bench_seed: int) -> None:
    """Memory takes 6 Gbit/s: a burst's frames all arrive, out of the card's buffer, but not at line rate."""
    host = HostConfig(bandwidth_gbps=6.0, memory_bytes=256 << 20)
    config = BenchConfig(bench_seed, host=host, driver=MODERATED)
    (row,) = measured(config, [Cell("line_rate", 64, direction, 700)], tmp_path)
    assert row["fraction"] < 0.9


def test_bench_tells_latencies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two accesses of 300 ns each way are in each of them: 94 cycles; idle, each is what README says, to the cycle."""
    said = (ROOT / "README.md").read_text()
    promised = re.search(r"byte on the wire (\d+) cycles of 6\.4 ns, from last\nbyte to interrupt (\d+),", said)
    assert promised, "README does not say so any more"
    doorbell, interrupt = map(int, promised.groups())
    monkeypatch.setenv("NICOSIM_RUNS", str(tmp_path))
    assert main(["bench", "--only", "latency", "--seed", "3", "--json", str(tmp_path / "bench.json")]) == 0
    found = json.loads((tmp_path / "bench.json").read_text())
    assert {(row["what"], row["load"]) for row in found["latency"]} == {
        (what, load)
        for what in ("doorbell to first wire byte", "last wire byte to interrupt")
        for load in ("idle", "line rate")
    }
    for row in found["latency"]:
        usual = doorbell if row["what"].startswith("doorbell") else interrupt
        assert row["least"] == row["cycles"] == usual and row["probes"] > 10
        assert row["most"] == usual if row["load"] == "idle" else usual <= row["most"] < usual + 30
    assert json.loads((tmp_path / "latest" / "bench.json").read_text()) == found


def test_the_ring_filler_and_the_speed_cells_carry_the_same_traffic(tmp_path: Path, bench_seed: int) -> None:
    plan = Plan(bench_seed, tmp_path, quick=True, say=lambda text: None)
    for direction in ("tx", "rx", "both", "loopback"):
        cell = Cell("speed", 128, direction, 500)
        limit = plan.limit(cell)
        (row,) = measured(BenchConfig(bench_seed, driver=MODERATED), [cell], tmp_path / direction)
        assert limit["hardware_frames_per_s"] == pytest.approx(row["hardware_frames_per_s"], rel=0.02)
        assert limit["size"] == row["size"] and limit["direction"] == row["direction"]


def test_jumbo_frames_in_five_buffers_of_2048_bytes_each_at_line_rate() -> None:
    """Two thousand of them both ways at once, memory 1 us late: had the card missed one, the filler would not end."""
    words = "+filler=direction=both,frame_bytes=9018,frames=2000,ring=1024,buffer=2048,latency_ns=1000"
    row = json.loads(run_program(bench_design(BenchConfig()), [words]))
    assert row["hardware_frames_per_s"] == pytest.approx(2 * line_rate(9018), rel=1e-3)


@pytest.mark.parametrize("direction", ["tx", "rx"])
def test_the_ring_filler_looks_at_every_byte(direction: str, tmp_path: Path, bench_seed: int) -> None:
    """One bit of one frame is changed behind its back, in the card's memory or on its way in."""
    design = bench_design(BenchConfig())
    with pytest.raises(SimulationFailed, match="a wrong frame"):
        run_program(design, [f"+filler=direction={direction},frame_bytes=200,frames=50,spoil=20"])


def test_a_ring_filler_that_waits_in_vain_ends() -> None:
    """Memory answers after 20 ms, its patience is a million cycles."""
    with pytest.raises(SimulationFailed, match="nothing moves"):
        run_program(bench_design(BenchConfig()), ["+filler=direction=tx,frames=10,latency_ns=20000000"])


def test_bench_refuses_what_it_cannot_do(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "--json", "/nowhere/at/all.json"]) == 2
    assert "no such folder" in capsys.readouterr().err
    assert main(["bench", "--json", "/"]) == 2
    assert "is a folder" in capsys.readouterr().err
    with pytest.raises(SystemExit) as refused:
        main(["bench", "--only", "everything"])
    assert refused.value.code == 2
