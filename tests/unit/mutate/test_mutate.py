# SPDX-License-Identifier: MIT
"""The tool as a whole, on a driver of one function: a mutant that must die, one that cannot, and the books of both."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.mutate.__main__ import SURVIVORS, try_all
from tests.mutate.choose import mutants_of
from tests.mutate.ledger import Ledger, Record, reasons, report, summary
from tests.mutate.mutant import Mutant
from tests.mutate.trial import INVALID, KILLED, SURVIVED, BaselineFailed, Sandbox, Verdict

FILE = "driver/linux/clamp.py"
SOURCE = '"""One function."""\n\n\ndef clamp(value, least):\n    return least if value < least else value\n'
# Where both are equal it does not matter which is returned: `<` and `<=` are the same function.
TEST = """from driver.linux.clamp import clamp


def test_clamp():
    assert [clamp(v, 3) for v in (1, 3, 5)] == [3, 3, 5]
"""
EQUIVALENT, FATAL = "<=", "(value) if (value < least) else (least)"
STAGE = ("tests/unit/linux/test_clamp.py",)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    tree = tmp_path / "tree"
    for name, text in (
        (FILE, SOURCE), (STAGE[0], TEST), ("pyproject.toml", '[tool.pytest.ini_options]\npythonpath = ["."]\n'),
    ):  # fmt: skip
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_text(text)
    return tree


def the(mutants: list[Mutant], text: str) -> Mutant:
    (found,) = [mutant for mutant in mutants if mutant.text == text]
    return found


def record(mutant: Mutant, verdict: str) -> Record:
    seen = {name: getattr(mutant, name) for name in ("key", "file", "line", "kind", "before", "after")}
    return Record(**seen, source="s", tree="t", verdict=verdict, by="", seconds=0.0)


def test_what_can_be_seen_is_killed_and_what_cannot_survives(tree: Path, tmp_path: Path) -> None:
    mutants, sandbox = mutants_of(tree, FILE), Sandbox(tree, tmp_path / "copy")
    fatal = sandbox.judge(the(mutants, FATAL), [STAGE])
    assert (fatal.verdict, fatal.by) == (KILLED, f"{STAGE[0]}::test_clamp")
    assert sandbox.judge(the(mutants, EQUIVALENT), [STAGE]).verdict == SURVIVED
    assert (tree / FILE).read_text() == SOURCE == (tmp_path / "copy" / FILE).read_text()


def test_a_mutant_that_never_ends_is_killed(tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.mutate.trial._PATIENCE_S", {"driver": -4.0})
    loop = Mutant(FILE, 5, "drop", 0, len(SOURCE), "def clamp(value, least):\n    while True: pass\n", "", "")
    usual_s = {STAGE: 1.5}
    verdict = Sandbox(tree, tmp_path / "copy", usual_s).judge(loop, [STAGE])
    assert verdict.verdict == KILLED and "no end" in verdict.by


def test_what_is_no_change_is_invalid(tree: Path, tmp_path: Path) -> None:
    sandbox = Sandbox(tree, tmp_path / "copy")
    for text in ("def clamp(:", SOURCE + "# a comment\n"):
        verdict = sandbox.judge(Mutant(FILE, 1, "drop", 0, len(SOURCE), text, "", ""), [STAGE])
        assert verdict.verdict == INVALID


def test_tests_that_fail_by_themselves_judge_nobody(tree: Path, tmp_path: Path) -> None:
    (tree / STAGE[0]).write_text(TEST.replace("[3, 3, 5]", "[4, 4, 5]"))
    with pytest.raises(BaselineFailed, match="test_clamp"):
        Sandbox(tree, tmp_path / "copy").judge(the(mutants_of(tree, FILE), FATAL), [STAGE])


def test_a_second_call_goes_on_where_the_first_stopped(
    tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    judged: list[str] = []

    def judge(self: Sandbox, mutant: Mutant, stages: object) -> Verdict:
        judged.append(mutant.text)
        return Verdict({FATAL: KILLED, EQUIVALENT: SURVIVED}.get(mutant.text, INVALID))

    monkeypatch.setattr(Sandbox, "judge", judge)
    path, mutants = tmp_path / "ledger.jsonl", mutants_of(tree, FILE)
    other = the(mutants, "pass")

    def again(count: int) -> list[str]:
        """Which ones are judged by a call that asks for so many."""
        judged.clear()
        in_turn = iter([other, the(mutants, FATAL), the(mutants, EQUIVALENT)])
        assert len(try_all(in_turn, count, 2, Ledger(path, tree), tree, tmp_path)) == count
        return sorted(judged)

    assert again(1) == sorted(["pass", FATAL])  # an invalid one is replaced by the next
    assert again(2) == [EQUIVALENT]
    assert again(2) == []
    (tree / "tests" / "unit" / "test_new.py").write_text("")
    assert again(2) == [EQUIVALENT]  # the new test may kill it
    (tree / FILE).write_text(SOURCE + "\n")
    assert len(again(2)) == 3


def test_the_books(tree: Path) -> None:
    mutants = mutants_of(tree, FILE)
    equivalent, fatal = the(mutants, EQUIVALENT), the(mutants, FATAL)
    records = [record(equivalent, SURVIVED), record(fatal, KILLED), record(mutants[0], INVALID)]
    explained = {(FILE, equivalent.before, equivalent.after): "equal is equal"}
    told = summary(records, explained)
    assert (told["total"], told["killed"]) == (2, 1)
    (survivor,) = json.loads(json.dumps(told["survivors"]))
    assert survivor["reason"] == "equal is equal" and survivor["line"] == 5 and survivor["file"] == FILE
    text = report(records, explained)
    assert "equal is equal" in text and "50.0" in text and "+ " + equivalent.after in text
    assert "no reason given" in report(records, {})


def test_explained_survivors_are_mutants_of_these_sources() -> None:
    """An entry whose source has gone explains nothing any more."""
    from sim.runner import ROOT

    explained = reasons(SURVIVORS)
    possible = {file: mutants_of(ROOT, file) for file in {file for file, _, _ in explained}}
    known = {(m.file, m.before, m.after) for found in possible.values() for m in found}
    assert set(explained) - known == set()
    assert all(reason.strip() for reason in explained.values())
