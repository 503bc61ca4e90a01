# SPDX-License-Identifier: MIT
"""A failing test says how to have its failure again, and where captures, trace and waves are: and there they are."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from sim.observe.pcap import read_capture
from sim.runner import ROOT

PLANTED = "tests/system/planted.py"


def said_by(test: str, **environment: str) -> str:
    """What pytest prints of one planted test, which must fail."""
    words = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"{PLANTED}::{test}"]
    kept = {name: value for name, value in os.environ.items() if name not in ("NICOSIM_SEED", "WAVES", "TRACE")}
    done = subprocess.run(
        words, cwd=ROOT, env=kept | environment, capture_output=True, text=True, check=False, timeout=550
    )
    assert done.returncode == 1, done.stdout + done.stderr
    return done.stdout


def told(said: str, what: str) -> str:
    found = re.search(rf"^E?\s+{what}\s+(\S.*)$", said, re.M)
    assert found, f"no {what} in:\n{said}"
    return found[1]


def frames_in(path: str) -> int:
    return sum(1 for _ in read_capture(Path(path)))


def test_a_failed_case_tells_what_repeats_it_and_the_line_does() -> None:
    said = said_by("test_a_case_fails")
    seed, drawn = told(said, "seed"), re.findall(r"planted, with \d+", said)[0]
    assert f"NICOSIM_SEED={seed} make test ARGS=\"'{PLANTED}::test_a_case_fails'\"" == told(said, "repeat")
    assert frames_in(told(said, "pcap")) > 2
    assert "TRACE=1" in told(said, "trace") and "WAVES=1" in told(said, "waves")
    again = said_by("test_a_case_fails", NICOSIM_SEED=seed, WAVES="1", TRACE="1")
    assert drawn in again and told(again, "seed") == seed
    for what, name in (("trace", "trace.json"), ("waves", "dump.fst")):
        path = Path(told(again, what))
        assert path.name == name and path.stat().st_size > 1000


def test_a_broken_rule_is_told_and_the_captures_are_whole() -> None:
    said = said_by("test_a_rule_is_broken")
    assert re.search(r"axi4_checker: rule B_ADDRESS broken at \d+ ps, in nic_tb", said)
    assert frames_in(told(said, "pcap")) > 2


def test_what_fails_after_its_simulation_tells_the_same() -> None:
    said = said_by("test_fails_after_its_simulation")
    assert "planted in the test itself" in said and told(said, "seed").isdecimal()
    assert "NICOSIM_SEED=" in told(said, "repeat") and frames_in(told(said, "pcap")) > 2
