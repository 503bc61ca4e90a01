# SPDX-License-Identifier: MIT
"""Three readers of the RTL: Verilator and slang for the language, verible for the style. Each is shown to bite."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from sim.runner import ROOT, nic_sources, verilator_bin

HERE = Path(__file__).resolve().parent
TOOLS = Path(sys.executable).parent
SOURCES = nic_sources()
HAND_WRITTEN = [path for path in SOURCES if "gen" not in path.parts] + sorted((ROOT / "sim").rglob("*.sv"))
BROKEN = "module broken (input logic [7:0] a_i, output logic [3:0] b_o);\n\tassign b_o = a_i;\nendmodule\n"


def run(*command: object) -> subprocess.CompletedProcess[str]:
    # Verilator's makefile-less front end still wants perl and python on the path.
    environment = os.environ | {"PATH": f"{TOOLS}{os.pathsep}{os.environ['PATH']}"}
    words = [str(word) for word in command]
    return subprocess.run(words, capture_output=True, text=True, check=False, env=environment, timeout=120)


def verilator_lint(top, sources, *flags):
    waivers = [path for path in [ROOT / "hdl" / "waivers.vlt"] if path.exists()]
    words = ("--lint-only", "-Wall", "--assert", "--top-module", top, *flags, *waivers, *sources)
    return run(verilator_bin() / "verilator", *words)


def slang_lint(top, sources):
    return run(sys.executable, HERE / "slang_lint.py", top, *sources)


def verible_lint(sources):
    return run(TOOLS / "verible-verilog-lint", "--rules=line-length=length:120", *sources)


@pytest.fixture
def broken(tmp_path):
    file = tmp_path / "broken.sv"
    file.write_text(BROKEN)
    return file


@pytest.mark.parametrize("width", [64, 128, 256])
def test_verilator_warns_of_nothing(width):
    said = verilator_lint("nic_top", SOURCES, f"-GAxiDataBits={width}")
    assert said.returncode == 0, said.stderr


def test_slang_warns_of_nothing():
    said = slang_lint("nic_top", SOURCES)
    assert said.returncode == 0, said.stdout + said.stderr


def test_verible_warns_of_nothing():
    said = verible_lint(HAND_WRITTEN)
    assert said.returncode == 0, said.stdout + said.stderr


def test_each_reader_bites(broken):
    assert verilator_lint("broken", [broken]).returncode != 0
    assert slang_lint("broken", [broken]).returncode != 0
    assert verible_lint([broken]).returncode != 0


def test_every_source_is_listed_once_and_says_its_licence():
    listed = [line.split("#")[0].strip() for line in (ROOT / "hdl" / "nic.f").read_text().splitlines()]
    listed = [line for line in listed if line]
    on_disk = {str(path.relative_to(ROOT / "hdl")) for path in (ROOT / "hdl").rglob("*.sv")}
    assert len(listed) == len(set(listed))
    assert set(listed) == on_disk


def test_every_tracked_source_has_an_spdx_line():
    tracked = run("git", "-C", ROOT, "ls-files", "*.py", "*.sv", "*.vlt", "*.rdl", "*.f", "*.sh", "*.toml", "*.yml")
    if tracked.returncode != 0:
        pytest.skip("not a git checkout")
    files = [ROOT / name for name in tracked.stdout.split() if (ROOT / name).exists()]
    assert len(files) > 20
    missing = [str(path) for path in files if "SPDX-License-Identifier: MIT" not in path.read_text()[:400]]
    missing = [name for name in missing if (ROOT / name).stat().st_size > 0]
    assert missing == []
