# SPDX-License-Identifier: MIT
"""`make cover`: lines and branches of the RTL and of driver/, and under which circumstances frames crossed.

Exit code 1 when a test failed; the tables are there all the same.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

from sim.observe.artefacts import new_run_folder
from sim.observe.bins import Bin
from sim.runner import COVER_VARIABLE, ROOT
from tests.coverage.points import lcov, read
from tests.coverage.tables import bin_pairs, bin_products, bins_table, python_rows, rtl_rows, sums, table
from tests.mutate.plan import NATIVE_ONLY

# What tests a module, and the driver on the compiled models; not what tests the bench itself, or how fast it is.
_MODULES = ("common", "csr", "axi", "dma", "mac", "top")
_OF_THE_BENCH = {
    f"test_{name}" for name in ("bench", "cli", "differential", "failure_report", "leap", "mains", "trace")
}
RTL_TESTS = (
    *(f"tests/hdl/{name}" for name in _MODULES),
    *(str(path) for path in sorted((ROOT / "tests/system").glob("test_*.py")) if path.stem not in _OF_THE_BENCH),
    *NATIVE_ONLY,
)
DRIVER_TESTS = ("tests/unit/linux", "tests/unit/e1000e")


def cover_rtl(folder: Path, tests: list[str]) -> int:
    """Run `tests` with counting on and leave rtl.info, rtl.txt and bins.txt; pytest's exit code."""
    counts = folder / "counts"
    command = [sys.executable, "-m", "pytest", "-q", *(tests or RTL_TESTS)]
    code = subprocess.run(command, cwd=ROOT, env=os.environ | {COVER_VARIABLE: str(counts)}, check=False).returncode
    files = read(sorted(counts.glob("*.dat")), ROOT)
    rows = rtl_rows(files, ROOT)
    (folder / "rtl.info").write_text(lcov(files, ROOT))
    (folder / "rtl.txt").write_text(text := table("RTL", rows))
    bins: Counter[Bin] = Counter()
    for path in counts.glob("bins-*.json"):
        for *place, count in json.loads(path.read_text()):
            bins[tuple(place)] += count
    (folder / "bins.txt").write_text(bins_text := bins_table(bins))
    _note(folder, rtl=sums(rows), bin_pairs=bin_pairs(bins)[:2], bin_products=bin_products(bins))
    print(text, bins_text, sep="\n")
    return code


def cover_driver(folder: Path) -> int:
    """Unit tests under coverage.py: driver.json, driver.info, driver.txt; pytest's exit code."""
    data = f"--data-file={folder / 'driver.coverage'}"
    measure = [sys.executable, "-m", "coverage"]
    run = [*measure, "run", data, "--branch", "--source=driver", "-m", "pytest", "-q", *DRIVER_TESTS]
    code = subprocess.run(run, cwd=ROOT, check=False).returncode
    for kind, name in (("json", "driver.json"), ("lcov", "driver.info")):
        subprocess.run([*measure, kind, data, "-q", "-o", str(folder / name)], cwd=ROOT, check=True)
    rows = python_rows(json.loads((folder / "driver.json").read_text()))
    (folder / "driver.txt").write_text(text := table("driver", rows))
    _note(folder, driver=sums(rows))
    print(text)
    return code


def _note(folder: Path, **shares: tuple[int, ...]) -> None:
    """cover.json: what was met, and of how many; lines, then branches."""
    path = folder / "cover.json"
    known = json.loads(path.read_text()) if path.exists() else {}
    path.write_text(json.dumps({**known, **shares}, indent=2) + "\n")


def main(words: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="make cover", description=__doc__)
    parser.add_argument("--only", choices=("rtl", "driver"), help="one of the two")
    parser.add_argument("tests", nargs="*", help="what to run for the RTL, instead of nearly everything")
    options = parser.parse_args(words)
    folder = new_run_folder("cover")
    codes = []
    if options.only != "rtl":
        codes.append(cover_driver(folder))
    if options.only != "driver":
        codes.append(cover_rtl(folder, options.tests))
    print(f"artefacts  {folder}")
    return int(any(codes))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
