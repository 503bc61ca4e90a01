# SPDX-License-Identifier: MIT
"""The tool as a whole, on a driver of one function: a mutant that must die, one that cannot, and the books of both."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.mutate.__main__ import SURVIVORS, exit_code, main, try_all
from tests.mutate.choose import mutants_of, sources
from tests.mutate.ledger import Ledger, Record, reasons, report, summary
from tests.mutate.mutant import Mutant
from tests.mutate.trial import INVALID, KILLED, SURVIVED, BaselineFailed, Sandbox, Verdict, _Outcome

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
    return Record(**seen, source="s", tree="t", judge="j", verdict=verdict, by="", seconds=0.0)


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


@pytest.mark.parametrize(("second", "verdict"), [(0, SURVIVED), (1, KILLED), (None, KILLED)])
def test_who_is_late_once_gets_a_second_chance(
    tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, second: int | None, verdict: str
) -> None:
    codes = iter([None, second])
    monkeypatch.setattr(Sandbox, "_pytest", lambda *_: _Outcome(next(codes), "", 0.0))
    equivalent = the(mutants_of(tree, FILE), EQUIVALENT)
    assert Sandbox(tree, tmp_path / "copy", {STAGE: 1.0}).judge(equivalent, [STAGE]).verdict == verdict
    assert not list(codes)


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
        verdict = {FATAL: KILLED, EQUIVALENT: SURVIVED}.get(mutant.text, INVALID)
        return Verdict(verdict, f"{STAGE[0]}::test_clamp" if verdict == KILLED else "")

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


def test_a_kill_holds_while_the_test_that_did_it_is_what_it_was(tree: Path, tmp_path: Path) -> None:
    fatal, path = the(mutants_of(tree, FILE), FATAL), tmp_path / "ledger.jsonl"

    def known() -> bool:
        return Ledger(path, tree).known(fatal) is not None

    Ledger(path, tree).add(fatal, Verdict(KILLED, f"{STAGE[0]}::test_clamp"))
    (tree / "tests" / "unit" / "test_new.py").write_text("")
    assert known()
    (tree / STAGE[0]).write_text(TEST.replace("(1, 3, 5)", "(3, 3, 5)"))
    assert not known()
    Ledger(path, tree).add(fatal, Verdict(KILLED, f"{STAGE[0]}: no end in 3 s, twice"))
    assert known()
    (tree / "tests" / "unit" / "test_new.py").write_text("# anything may have made it slow\n")
    assert not known()


def test_a_ledger_of_another_shape_is_forgotten(tree: Path, tmp_path: Path) -> None:
    fatal, path = the(mutants_of(tree, FILE), FATAL), tmp_path / "ledger.jsonl"
    Ledger(path, tree).add(fatal, Verdict(KILLED, f"{STAGE[0]}::test_clamp"))
    told = json.loads(path.read_text())
    del told["judge"]
    path.write_text(json.dumps(told) + "\n")
    assert Ledger(path, tree).known(fatal) is None


def test_mutants_that_look_alike_are_told_apart(tree: Path) -> None:
    (tree / FILE).write_text(SOURCE + SOURCE.replace("clamp", "again"))
    alike = [mutant for mutant in mutants_of(tree, FILE) if mutant.text == FATAL]
    assert len({(m.kind, m.before, m.after) for m in alike}) == 1
    assert [m.ordinal for m in alike] == [0, 1] and len({m.key for m in alike}) == 2


def test_no_mutant_of_these_sources_shares_the_verdict_of_another() -> None:
    from sim.runner import ROOT

    keys = [mutant.key for file in sources(ROOT) for mutant in mutants_of(ROOT, file)]
    assert len(keys) > 5000 and len(set(keys)) == len(keys)


@pytest.mark.parametrize(
    ("killed", "reason", "code"), [(3, "equal", 0), (3, "", 1), (4, None, 0), (2, "equal", 1), (0, "equal", 1)]
)
def test_the_exit_code_asks_for_kills_and_reasons(killed: int, reason: str | None, code: int) -> None:
    survivors = [] if reason is None else [{"reason": reason}] * (4 - killed)
    assert exit_code({"total": 4, "killed": killed, "survivors": survivors}, 75.0) == code


def test_the_report_says_whether_anything_was_remembered(
    tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.mutate.__main__.ROOT", tree)
    monkeypatch.setattr("tests.mutate.__main__.WORK", tmp_path / "work")
    monkeypatch.setattr("tests.mutate.__main__.new_run_folder", lambda _: tmp_path)
    monkeypatch.setattr(Sandbox, "judge", lambda *_: Verdict(SURVIVED))
    for more, fresh in (([], False), (["--fresh"], True)):
        assert main(["--count", "1", "--only", FILE, "--least", "0", *more]) == 1  # it has no reason
        assert json.loads((tmp_path / "mutate.json").read_text())["fresh"] is fresh


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
