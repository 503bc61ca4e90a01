# SPDX-License-Identifier: MIT
"""Mutants are what their kind says, valid, and away from what they must leave alone."""

from __future__ import annotations

from itertools import islice
from textwrap import dedent

import pytest
from pyslang.syntax import SyntaxTree

from sim.runner import ROOT
from tests.mutate import python_source, verilog_source
from tests.mutate.choose import mutants_of, order, sources
from tests.mutate.plan import NEAREST, REST, stages

PYTHON = dedent('''
    """A docstring of 3 words."""
    __all__ = ["f"]

    async def f(a: int = 4) -> int:
        """Not 5."""
        # not 6 < 7
        with lock:
            self.count += 1
        await settle()
        printk.pr_info("said", 8)
        assert a != 9
        if a < 10 and (a  # which of these is meant?
                       or b):
            raise ValueError(f"{a + 11}")
        return a if not b else -a
''')
VERILOG = dedent("""
    module m #(parameter int W = 3) (input logic clk_i, input logic [W-1:0] a_i, output logic [W-1:0] q_o);
      // not && this
      logic [W-1:0] d;
      always_comb begin
        d = a_i == '0 ? q_o : a_i + 2'd3;
        if (!a_i[0] && a_i < 3'h4) d = '1;
      end
      always_ff @(posedge clk_i) begin
        q_o <= d;
        a_inside : assert (q_o != 3'd5);
      end
      // ---- promises
      always_ff @(posedge clk_i) if (d == 3'd6) $error("six");
    endmodule
""")


def python(source: str) -> set[tuple[str, str, str]]:
    found = python_source.mutants("f.py", source.encode())
    return {(mutant.kind, mutant.before, mutant.after) for mutant in found}


def verilog(source: str) -> set[tuple[str, str, str]]:
    found = verilog_source.mutants("f.sv", source.encode())
    return {(mutant.kind, mutant.before, mutant.after) for mutant in found}


@pytest.mark.parametrize(
    ("before", "kind", "after"),
    [
        ("a = b < c", "comparison", "a = b <= c"),
        ("a = b is not None", "comparison", "a = b is None"),
        ("a = b not in c", "comparison", "a = b in c"),
        ("a = b << c", "operator", "a = b >> c"),
        ("a = b and c", "and/or", "a = b or c"),
        ("a = not b", "drop not", "a = (b)"),
        ("a = True", "constant", "a = False"),
        ("a = 7", "constant", "a = 8"),
        ("a = 7", "constant", "a = 6"),
        ("a = b if c else d", "swap", "a = (d) if (c) else (b)"),
        ("a.b = c", "drop", "pass"),
        ("a.b(c)", "drop", "pass"),
        ("a += c", "drop", "pass"),
        ("a += c", "operator", "a -= c"),
    ],
)
def test_python(before: str, kind: str, after: str) -> None:
    assert (kind, before, after) in python(before + "\n")


def test_python_statements_lose_their_lock_their_await_and_their_way() -> None:
    found = python(PYTHON)
    assert ("drop lock", "with lock:", "if True:") in found
    assert ("drop await", "await settle()", "pass") in found
    assert ("drop", "return a if not b else -a", "pass") in found
    assert any(kind == "negate" and "if not (a < 10" in after for kind, _, after in found)


@pytest.mark.parametrize("text", ["docstring", "__all__", "Not 5", "not 6", "assert", "raise", "pr_info"])
def test_python_that_is_left_alone(text: str) -> None:
    assert not any(text in before for _, before, _ in python(PYTHON))


def test_an_operator_beside_a_comment_is_left_alone() -> None:
    assert not any(kind == "and/or" and "which of these" in before and " and " in before and "and b" in after
                   for kind, before, after in python(PYTHON))  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "after"),
    [
        ("comparison", "d = a_i != '0 ? q_o : a_i + 2'd3;"),
        ("constant", "d = a_i == '1 ? q_o : a_i + 2'd3;"),
        ("constant", "d = a_i == '0 ? q_o : a_i + 2'd2;"),
        ("operator", "d = a_i == '0 ? q_o : a_i - 2'd3;"),
        ("swap", "d = (a_i == '0) ? (a_i + 2'd3) : (q_o);"),
        ("and/or", "if (!a_i[0] || a_i < 3'h4) d = '1;"),
        ("comparison", "if (!a_i[0] && a_i <= 3'h4) d = '1;"),
        ("constant", "if (!a_i[0] && a_i < 3'h5) d = '1;"),
        ("drop not", "if ((a_i[0]) && a_i < 3'h4) d = '1;"),
        ("negate", "if (!(!a_i[0] && a_i < 3'h4)) d = '1;"),
        ("drop", "if (!a_i[0] && a_i < 3'h4) begin end"),
        ("drop", "begin end"),
    ],
)
def test_verilog(kind: str, after: str) -> None:
    assert (kind, after) in {(found, text) for found, _, text in verilog(VERILOG)}


@pytest.mark.parametrize("text", ["module m", "not && this", "logic [", "assert", "six", "posedge"])
def test_verilog_that_is_left_alone(text: str) -> None:
    assert not any(text in before for _, before, _ in verilog(VERILOG))


def test_a_number_stays_within_its_width() -> None:
    assert not any("2'd4" in after for _, _, after in verilog(VERILOG))


def test_what_does_not_parse_is_refused() -> None:
    with pytest.raises(SyntaxError):
        verilog("module m; assign = ; endmodule")
    with pytest.raises(SyntaxError):
        python("a = = b")


def test_every_mutant_of_the_tree_parses() -> None:
    """A sample of a few hundred: all would take minutes."""
    seen = 0
    for mutant in islice(order(ROOT, seed=3), 300):
        source = (ROOT / mutant.file).read_bytes()
        changed = mutant.applied(source)
        assert changed != source
        if mutant.file.endswith(".sv"):
            tree = SyntaxTree.fromText(changed.decode())
            assert not any(diagnostic.isError() for diagnostic in tree.diagnostics), mutant
        else:
            compile(changed, mutant.file, "exec", dont_inherit=True)
        seen += 1
    assert seen == 300


def test_the_order_is_the_seed_s() -> None:
    first, again, other = (list(islice(order(ROOT, seed), 60)) for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_mutants_are_even_over_modules() -> None:
    files = sources(ROOT)
    halves = {half: [file for file in files if file.startswith(half)] for half in ("hdl/", "driver/")}
    assert all(len(found) > 30 for found in halves.values())
    chosen = [mutant.file for mutant in islice(order(ROOT, seed=1), 60)]
    assert len(set(chosen)) == 60
    assert sum(file.startswith("hdl/") for file in chosen) == 30


def test_generated_files_and_checkers_are_left_alone() -> None:
    files = sources(ROOT)
    assert not any("gen/" in file or file.endswith(("regs.py", "_check.sv")) for file in files)
    assert "hdl/csr/nic_intr.sv" in files and "driver/e1000e/tx.py" in files


def test_one_folder_alone() -> None:
    assert {mutant.file.rsplit("/", 1)[0] for mutant in islice(order(ROOT, 1, "hdl/mac"), 40)} == {"hdl/mac"}


def test_every_source_has_stages_and_every_stage_tests() -> None:
    for file in sources(ROOT):
        assert len(stages(file, ROOT)) >= 2, file
    listed = {path for group in (NEAREST, REST) for value in group.values() for stage in value for path in stage}
    paths = [path for path in listed if path.startswith("tests/")]
    assert len(paths) > 10
    assert [path for path in paths if not (ROOT / path).exists()] == []


def test_every_line_of_the_table_is_of_use() -> None:
    assert [path for path in NEAREST if not any(file.startswith(path) for file in sources(ROOT))] == []


def test_a_file_meets_its_own_tests_first() -> None:
    assert stages("driver/linux/timer.py", ROOT)[0] == ("tests/unit/linux/test_timer.py",)
    assert stages("hdl/csr/nic_stats_bank.sv", ROOT)[0] == ("tests/hdl/csr/test_stats.py",)


def test_a_mutant_is_known_again_when_it_has_moved() -> None:
    here = verilog_source.mutants("f.sv", VERILOG.encode())
    there = verilog_source.mutants("f.sv", b"\n// a line more\n" + VERILOG.encode())
    assert [mutant.key for mutant in here] == [mutant.key for mutant in there]
    assert [mutant.line + 2 for mutant in here] == [mutant.line for mutant in there]


def test_places_are_bytes() -> None:
    for source, find in ((b"# \xc2\xb5s\na = b < c\n", python_source), (
        "// µs\nmodule m(output logic q_o); assign q_o = 1'b0; endmodule\n".encode(), verilog_source)
    ):  # fmt: skip
        for mutant in find.mutants("f", source):
            assert mutant.applied(source).startswith(source.split(b"\n")[0])
            assert b"b <= c" in mutant.applied(source) or b"1'b1" in mutant.applied(source)


def test_mutants_of_a_file_are_those_of_its_language() -> None:
    kinds = {mutant.kind for mutant in mutants_of(ROOT, "driver/linux/napi.py")}
    assert {"drop", "negate", "constant", "comparison"} <= kinds
