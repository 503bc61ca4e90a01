# SPDX-License-Identifier: MIT
"""Run folders, the summary, and the progress pipe."""

from __future__ import annotations

import io
import json
import threading
from pathlib import Path

from sim.observe.artefacts import SUMMARY, Summary, new_run_folder
from sim.observe.progress import PIPE, Progress, shown
from sim.observe.report import report

KEYS = {
    "frames_tx", "frames_rx", "frames_filtered", "drops", "accounting_closed", "irqs", "polls", "sim_ns", "cycles",
    "wall_s", "seed", "versions", "violations",
}  # fmt: skip


def test_latest_points_to_the_newest_folder(tmp_path: Path) -> None:
    first, second = new_run_folder("run", tmp_path), new_run_folder("run", tmp_path)
    assert first != second and (tmp_path / "latest").resolve() == second.resolve()


def test_many_at_once_get_folders_of_their_own(tmp_path: Path) -> None:
    made: list[Path] = []
    threads = [threading.Thread(target=lambda: made.append(new_run_folder("run", tmp_path))) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(made)) == 16 and (tmp_path / "latest").resolve() in {folder.resolve() for folder in made}
    assert {path.name for path in tmp_path.iterdir()} == {folder.name for folder in made} | {"latest"}


def test_summary_holds_the_promised_keys_and_comes_back(tmp_path: Path) -> None:
    summary = Summary("run", 7, drops={"bad FCS": 2}, violations=["v"])
    summary.write(tmp_path)
    assert set(json.loads((tmp_path / SUMMARY).read_text())) >= KEYS
    assert Summary.read(tmp_path) == summary
    assert Summary.read(tmp_path / "nowhere") is None


def test_report_tells_open_accounts_errors_and_violations(tmp_path: Path) -> None:
    told = report(Summary("run", 7, unaccounted=3, error="first\nsecond", violations=["leak: skb"]), tmp_path)
    assert "FAILED" in told and "OPEN by 3" in told and "violation: leak: skb" in told and "error: second" in told


def test_progress_is_shown_as_plain_lines_without_a_terminal(tmp_path: Path) -> None:
    stream = io.StringIO()
    with shown(tmp_path, stream):
        progress = Progress(tmp_path)
        progress.step("probe")
        progress.update(lambda: "never shown here")
        progress.step("traffic")
    assert stream.getvalue() == "  probe\n  traffic\n" and progress.steps == ["probe", "traffic"]
    assert not (tmp_path / PIPE).exists()


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_progress_is_one_live_line_on_a_terminal(tmp_path: Path) -> None:
    stream = Terminal()
    with shown(tmp_path, stream):
        progress = Progress(tmp_path)
        progress.step("traffic")
        progress.update(lambda: "5 frames")
    told = stream.getvalue()
    assert "traffic: 5 frames" in told and told.endswith("\n") and told.count("\n") == 1


def test_progress_without_a_listener_does_nothing(tmp_path: Path) -> None:
    progress = Progress(tmp_path)
    progress.step("alone")
    assert progress.steps == ["alone"]
