# SPDX-License-Identifier: MIT
"""The card is hardware: it synthesises, without latches, its memories become memory blocks, within a cell budget."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from sim.runner import nic_sources

HERE = Path(__file__).resolve().parent


def synthesise(top, sources, folder):
    out = folder / "stat.json"
    command = [sys.executable, HERE / "synth.py", top, out, *sources]
    said = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False, timeout=540)
    return said.returncode, said.stdout[-4000:] + said.stderr[-4000:], out


@pytest.fixture(scope="module")
def card(tmp_path_factory):
    code, said, out = synthesise("nic_top", nic_sources(), tmp_path_factory.mktemp("synth"))
    assert code == 0, said
    return json.loads(out.read_text())["design"]["num_cells_by_type"]


def count(cells, *prefixes):
    return sum(n for name, n in cells.items() if name.startswith(prefixes))


def test_packet_buffers_become_block_ram(card):
    assert count(card, "RAMB36", "RAMB18") >= 16


def test_nothing_is_a_latch_or_a_wild_memory(card):
    assert count(card, "$_DLATCH", "LD", "$mem") == 0


def test_flip_flops_stay_within_budget(card):
    flops = count(card, "$_DFF", "$_SDFF", "FD")
    assert 2000 < flops < 16000, card


LATCH = """module bad (input logic en_i, input logic d_i, output logic q_o);
  always_latch if (en_i) q_o = d_i;
endmodule
"""
DOUBLE = """module bad (input logic clk_i, input logic d_i, output logic q_o);
  assign q_o = d_i;
  assign q_o = clk_i;
endmodule
"""


@pytest.mark.parametrize("text", [LATCH, DOUBLE], ids=["latch", "two drivers"])
def test_bad_hardware_is_refused(text, tmp_path):
    file = tmp_path / "bad.sv"
    file.write_text(text)
    code, said, _ = synthesise("bad", [file], tmp_path)
    assert code != 0, said
