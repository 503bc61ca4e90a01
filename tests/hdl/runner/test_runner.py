# SPDX-License-Identifier: MIT
"""The runner's own promises; it is what every other simulation rests on."""

import os
from pathlib import Path

import pytest

from sim import runner
from sim.runner import BuildFailed, Design, SimulationFailed, build, nic_sources, simulate, verilator_bin

GOOD = "module tiny (input logic clk_i, output logic q_o);\n  always_ff @(posedge clk_i) q_o <= !q_o;\nendmodule\n"
CASES = """
import cocotb

@cocotb.test()
async def passes(dut):
    pass

@cocotb.test()
async def fails(dut):
    assert dut.q_o.value == 2, "as planned"
"""


@pytest.fixture
def tiny(tmp_path: Path) -> Design:
    source = tmp_path / "tiny.sv"
    source.write_text(GOOD)
    return Design("tiny", (source,))


@pytest.fixture
def cases(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    (tmp_path / "planned_cases.py").write_text(CASES)
    monkeypatch.syspath_prepend(str(tmp_path))
    return "planned_cases"


def verilator_that_says(text: str, folder: Path) -> str:
    program = folder / "verilator"
    program.write_text(f"#!/bin/sh\necho '{text}'\n")
    program.chmod(0o755)
    return str(program)


def test_a_module_is_built_from_just_the_files_it_needs() -> None:
    names = [path.name for path in nic_sources("nic_fifo_async")]
    assert names[-1] == "nic_fifo_async.sv" and "nic_top.sv" not in names
    assert len(nic_sources()) > 30


def test_an_unlisted_module_is_an_error() -> None:
    with pytest.raises(BuildFailed, match="nic_absent is not in"):
        nic_sources("nic_absent")


def test_a_verilator_that_is_not_there_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NICOSIM_VERILATOR", "/nowhere/verilator")
    with pytest.raises(BuildFailed, match="no such program"):
        verilator_bin()


def test_a_verilator_that_is_too_old_is_an_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("NICOSIM_VERILATOR", verilator_that_says("Verilator 5.006 2023-01-22", tmp_path))
    with pytest.raises(BuildFailed, match=r"5\.036 or newer"):
        verilator_bin()


def test_a_named_verilator_is_used(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("NICOSIM_VERILATOR", verilator_that_says("Verilator 5.040 2025-08-30", tmp_path))
    assert verilator_bin() == tmp_path


def test_a_missing_compiler_is_a_line_not_a_trace(monkeypatch: pytest.MonkeyPatch, tiny: Design) -> None:
    monkeypatch.setattr(runner.shutil, "which", lambda name: None if name == "g++" else f"/usr/bin/{name}")
    monkeypatch.delenv("NICOSIM_VERILATOR", raising=False)
    monkeypatch.setenv("PATH", os.environ["PATH"])
    with pytest.raises(BuildFailed, match=r"no g\+\+"):
        build(tiny)


def test_what_does_not_build_says_why(tmp_path: Path) -> None:
    source = tmp_path / "broken.sv"
    source.write_text("module broken (input logic a_i);\n  nonsense\nendmodule\n")
    with pytest.raises(BuildFailed, match="syntax error"):
        build(Design("broken", (source,)))


def test_a_build_is_used_again_until_something_changes(tiny: Design) -> None:
    first = build(tiny)
    stamp = (first / "tiny").stat().st_mtime_ns
    assert build(tiny) == first and (first / "tiny").stat().st_mtime_ns == stamp
    tiny.sources[0].write_text(GOOD.replace("!q_o", "q_o"))
    assert build(tiny) != first


def test_a_build_that_was_killed_is_not_taken_for_a_good_one(tiny: Design) -> None:
    folder = build(tiny)
    (folder / "done").unlink()
    (folder / "tiny").write_text("half a program")
    assert build(tiny) == folder and (folder / "tiny").stat().st_size > 10_000


def test_a_failed_case_tells_seed_repeat_line_and_folder(tiny: Design, cases: str, tmp_path: Path) -> None:
    with pytest.raises(SimulationFailed) as failed:
        simulate(tiny, cases, folder=tmp_path / "run", seed=4711)
    said = str(failed.value)
    assert "fails" in said and "4711" in said and "NICOSIM_SEED=4711 make test ARGS=" in said
    assert str(tmp_path / "run") in said and (tmp_path / "run" / "simulation.log").exists()


def test_cases_that_pass_are_counted(tiny: Design, cases: str, tmp_path: Path) -> None:
    assert simulate(tiny, cases, folder=tmp_path / "run", test_filter="passes").passed == 1


def test_a_filter_that_matches_nothing_is_a_failure(tiny: Design, cases: str, tmp_path: Path) -> None:
    with pytest.raises(SimulationFailed):
        simulate(tiny, cases, folder=tmp_path / "run", test_filter="no_such_case")


def test_coverage_is_counted_and_kept_when_asked_for(
    tiny: Design, cases: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(runner.COVER_VARIABLE, raising=False)
    without = build(tiny)
    monkeypatch.setenv(runner.COVER_VARIABLE, str(tmp_path / "counts"))
    assert build(tiny) != without
    simulate(tiny, cases, folder=tmp_path / "run", test_filter="passes")
    (kept,) = (tmp_path / "counts").glob("tiny-*.dat")
    assert "v_line/tiny" in kept.read_text()
