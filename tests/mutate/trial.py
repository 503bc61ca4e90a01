# SPDX-License-Identifier: MIT
"""A private copy of the tree in which one mutant at a time meets the tests."""

from __future__ import annotations

import itertools
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sim.runner import ROOT
from tests.mutate.mutant import Mutant
from tests.mutate.plan import Stage
from tests.mutate.python_source import compiles

__all__ = ["INVALID", "KILLED", "SURVIVED", "BaselineFailed", "Sandbox", "Verdict", "copy_tree"]

KILLED, SURVIVED, INVALID = "killed", "survived", "invalid"
SEED = "20250101"
_NOT_COPIED = {".git", ".venv", "build", "runs", "__pycache__"}
_FAILED = re.compile(r"^(?:FAILED|ERROR) (\S+)", re.M)
# A mutant may take that much longer than the tests without it, and build what they found built.
_TIMES_LONGER, _PATIENCE_S = 5, {"driver": 30, "hdl": 300}
_NOTHING_COLLECTED = 5
_LINT = (
    "import sys; sys.path.insert(0, '.');"
    "from tests.lint.test_hdl_lint import SOURCES, verilator_lint;"
    "said = verilator_lint('nic_top', SOURCES); print(said.stderr); sys.exit(said.returncode)"
)


class BaselineFailed(Exception):
    """Tests that fail without any mutant cannot judge one."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """by: the test that killed it, or what made it invalid; seconds of wall time."""

    verdict: str
    by: str = ""
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class _Outcome:
    code: int | None  # None: out of time
    said: str
    seconds: float


def copy_tree(tree: Path, folder: Path) -> Path:
    """`folder`, which now holds `tree` without what is built and what is left behind by runs."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(tree, folder, symlinks=True, ignore=lambda _, names: _NOT_COPIED & set(names))
    if (tree / ".venv").exists():
        (folder / ".venv").symlink_to((tree / ".venv").resolve())
    return folder


class Sandbox:
    """The copy at `folder`; what is in it is the tree's again whenever no mutant is applied."""

    def __init__(self, tree: Path, folder: Path, usual_s: dict[Stage, float] | None = None) -> None:
        """usual_s: what stages take without a mutant, as far as known; shared with other copies of the same tree."""
        self.folder = folder
        self._times = itertools.count(1)
        self._usual_s = {} if usual_s is None else usual_s
        copy_tree(tree, folder)

    # ------------------------------------------------------------------ the mutant
    @contextmanager
    def mutated(self, mutant: Mutant) -> Iterator[None]:
        path = self.folder / mutant.file
        source, stat = path.read_bytes(), path.stat()
        try:
            path.write_bytes(mutant.applied(source))
            # Python takes compiled code for fresh by the second: no two mutants share one.
            os.utime(path, (stat.st_mtime + next(self._times) * 2,) * 2)
            yield
        finally:
            path.write_bytes(source)
            os.utime(path, (stat.st_atime, stat.st_mtime))

    def _builds(self) -> set[Path]:
        return {path for path in (self.folder / "build").glob("*-*") if path.is_dir()}

    def _invalid(self, mutant: Mutant) -> str:
        """Why this is no mutant that a compiler or a linter would let through; empty if it is one."""
        if mutant.file.endswith(".py"):
            return "" if compiles(mutant, (self.folder / mutant.file).read_bytes()) else "not Python, or the same"
        with self.mutated(mutant):
            lint = self._run([sys.executable, "-c", _LINT], 120)
        return "" if lint.code == 0 else "lint: " + " ".join(lint.said.split())[:200]

    # ------------------------------------------------------------------ the tests
    def usual_s(self, stage: Stage) -> float:
        """Seconds that a stage takes without any mutant. Raises: BaselineFailed."""
        if stage not in self._usual_s:
            outcome = self._pytest(stage, 900)
            if outcome.code != 0:
                raise BaselineFailed(f"without any mutant, {' '.join(stage)} does not pass:\n{outcome.said[-3000:]}")
            self._usual_s[stage] = outcome.seconds
        return self._usual_s[stage]

    def judge(self, mutant: Mutant, stages: Sequence[Stage]) -> Verdict:
        """Raises: BaselineFailed."""
        if reason := self._invalid(mutant):
            return Verdict(INVALID, reason)
        begin = time.monotonic()
        made: set[Path] = set()  # models of the mutant: stages share them, and nobody else wants them
        try:
            verdict, by = self._survives(mutant, stages, made)
        finally:
            for build in made:
                shutil.rmtree(build, ignore_errors=True)
        return Verdict(verdict, by, round(time.monotonic() - begin, 1))

    def _survives(self, mutant: Mutant, stages: Sequence[Stage], made: set[Path]) -> tuple[str, str]:
        for stage in stages:
            limit = self.usual_s(stage) * _TIMES_LONGER + _PATIENCE_S[mutant.file.split("/")[0]]
            builds = self._builds()
            with self.mutated(mutant):
                outcome = self._pytest(stage, limit)
                if outcome.code is None:  # it may have been the machine that was slow
                    outcome = self._pytest(stage, limit)
            made |= self._builds() - builds
            if outcome.code is None:
                return KILLED, f"{' '.join(stage)}: no end in {limit:.0f} s, twice"
            if "BuildFailed" in outcome.said:
                return INVALID, "does not build"
            if outcome.code not in (0, _NOTHING_COLLECTED):
                failed = _FAILED.search(outcome.said)
                return KILLED, failed[1] if failed else f"{' '.join(stage)}: exit code {outcome.code}"
        return SURVIVED, ""

    def _pytest(self, stage: Stage, limit_s: float) -> _Outcome:
        return self._run([sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *stage], limit_s)

    def _run(self, command: Sequence[str], limit_s: float) -> _Outcome:
        environment = os.environ | {"NICOSIM_SEED": SEED, "COCOTB_MAX_FAILURES": "1", "WAVES": "0"}
        environment["NICOSIM_RUNS"] = str(self.folder / "runs")
        environment.pop("PYTHONPATH", None)  # it may name a tree without the mutant
        environment.setdefault("CCACHE_DIR", str(ROOT / "build" / "ccache"))
        begin = time.monotonic()
        process = subprocess.Popen(
            command, cwd=self.folder, env=environment, text=True, errors="replace", start_new_session=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        code: int | None
        try:
            said, _ = process.communicate(timeout=limit_s)
            code = process.returncode
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)  # the simulator with it
            said, _ = process.communicate()
            code = None
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            raise
        return _Outcome(code, said, time.monotonic() - begin)
