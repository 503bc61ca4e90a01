# SPDX-License-Identifier: MIT
"""What became of each mutant: kept as it comes, so that a rerun goes on; and the report made of it."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import tomllib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.mutate.mutant import Mutant
from tests.mutate.trial import INVALID, KILLED, SURVIVED, Verdict

__all__ = ["Ledger", "Record", "digest", "reasons", "report", "summary"]

_TREE = ("driver", "hdl", "sim", "tests")
_SUFFIXES = {".py", ".sv", ".f", ".vlt", ".cpp", ".h", ".rdl"}
# The tool's own folder judges nothing.
_NOT_JUDGES = ("tests/mutate", "tests/unit/mutate")


@dataclass(frozen=True, slots=True)
class Record:
    """source: digest of the file that was mutated; tree: of everything that judged it; judge: of the file
    of the test that killed it, of everything where that is none (out of time, for example)."""

    key: str
    file: str
    line: int
    kind: str
    before: str
    after: str
    source: str
    tree: str
    judge: str
    verdict: str
    by: str
    seconds: float


def digest(tree: Path, file: str | None = None) -> str:
    """Of one file, or of all sources and tests."""
    if file is not None:
        return hashlib.sha256((tree / file).read_bytes()).hexdigest()[:16]
    every = hashlib.sha256()
    for path in sorted(path for folder in _TREE for path in (tree / folder).rglob("*") if path.suffix in _SUFFIXES):
        if not str(path.relative_to(tree)).startswith(_NOT_JUDGES):
            every.update(str(path.relative_to(tree)).encode() + b"\0" + path.read_bytes() + b"\0")
    return every.hexdigest()[:16]


class Ledger:
    """JSON lines at `path`.

    A record holds while the mutated file is what it was; that a mutant was killed, only while the test that did it is,
    too; that it survived, only while everything is.
    """

    def __init__(self, path: Path, tree: Path) -> None:
        self.path, self._root, self._tree = path, tree, digest(tree)
        self._records: dict[str, Record] = {}
        self._sources: dict[str, str] = {}
        for line in path.read_text().splitlines() if path.exists() else []:
            told = json.loads(line)
            if told.keys() == set(Record.__slots__):  # not of an older tool
                self._records[told["key"]] = Record(**told)

    def _source(self, file: str) -> str:
        if file not in self._sources:
            self._sources[file] = digest(self._root, file)
        return self._sources[file]

    def _judge(self, by: str) -> str:
        file = by.split("::")[0]
        return self._source(file) if (self._root / file).is_file() else self._tree

    def known(self, mutant: Mutant) -> Record | None:
        record = self._records.get(mutant.key)
        if record is None or record.source != self._source(mutant.file):
            return None
        holds = {
            INVALID: True, KILLED: record.judge == self._judge(record.by), SURVIVED: record.tree == self._tree
        }  # fmt: skip
        return record if holds[record.verdict] else None

    def add(self, mutant: Mutant, verdict: Verdict) -> Record:
        seen = {name: getattr(mutant, name) for name in ("key", "file", "line", "kind", "before", "after")}
        judge = self._judge(verdict.by) if verdict.verdict == KILLED else ""
        told = dataclasses.asdict(verdict)
        record = Record(**seen, source=self._source(mutant.file), tree=self._tree, judge=judge, **told)
        self._records[record.key] = record
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a") as lines:
            lines.write(json.dumps(dataclasses.asdict(record)) + "\n")
        return record


def reasons(path: Path) -> dict[tuple[str, str, str], str]:
    """The explained survivors, by file, line before and line after. Raises: KeyError when an entry is not whole."""
    entries = tomllib.loads(path.read_text()).get("survivor", [])
    return {(entry["file"], entry["before"], entry["after"]): entry["reason"] for entry in entries}


def summary(records: Iterable[Record], explained: Mapping[tuple[str, str, str], str]) -> dict[str, Any]:
    """What mutate.json holds. Invalid mutants do not count."""
    counted = [record for record in records if record.verdict in (KILLED, SURVIVED)]
    survivors = [
        {
            "file": record.file, "line": record.line, "kind": record.kind, "before": record.before,
            "after": record.after, "reason": explained.get((record.file, record.before, record.after), ""),
        }
        for record in counted if record.verdict == SURVIVED
    ]  # fmt: skip
    return {"total": len(counted), "killed": len(counted) - len(survivors), "survivors": survivors}


def report(records: Iterable[Record], explained: Mapping[tuple[str, str, str], str]) -> str:
    """The same for people: by folder and by kind, then each survivor."""
    counted = [record for record in records if record.verdict in (KILLED, SURVIVED)]
    lines = []
    for title, name_of in (
        ("module", lambda record: str(Path(record.file).parent)), ("kind", lambda record: record.kind)
    ):  # fmt: skip
        total = Counter(name_of(record) for record in counted)
        killed = Counter(name_of(record) for record in counted if record.verdict == KILLED)
        lines += [f"{title:<22}{'mutants':>8}{'killed':>8}{'%':>7}"]
        lines += [_row(name, killed[name], total[name]) for name in sorted(total)] + [""]
    whole = summary(counted, explained)
    lines.append(_row("all", whole["killed"], whole["total"]))
    for record in counted:
        if record.verdict == SURVIVED:
            reason = explained.get((record.file, record.before, record.after), "no reason given")
            lines += ["", f"{record.file}:{record.line}: {record.kind}: {reason}"]
            lines += [f"  - {record.before}", f"  + {record.after}"]
    return "\n".join(lines) + "\n"


def _row(name: str, killed: int, total: int) -> str:
    return f"{name:<22}{total:>8}{killed:>8}{100 * killed / max(total, 1):>7.1f}"
