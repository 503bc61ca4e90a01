# SPDX-License-Identifier: MIT
"""Which mutants are tried, in which order: the same for the same sources and seed, and even over the modules."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from itertools import chain, zip_longest
from pathlib import Path
from random import Random

from tests.mutate import python_source, verilog_source
from tests.mutate.mutant import Mutant

__all__ = ["mutants_of", "order", "sources"]


def sources(tree: Path, only: str = "") -> list[str]:
    """The files that are mutated, without generated ones and those that hold nothing but assertions."""
    found = [*(tree / "hdl").rglob("*.sv"), *(tree / "driver").rglob("*.py")]
    names = sorted(str(path.relative_to(tree)) for path in found)
    left_alone = ("hdl/csr/gen/", "driver/e1000e/regs.py")
    return [
        name for name in names
        if name.startswith(only) and not name.startswith(left_alone) and not name.endswith("_check.sv")
    ]  # fmt: skip


def mutants_of(tree: Path, file: str) -> list[Mutant]:
    """Every mutant of one file. Raises: SyntaxError."""
    find = verilog_source.mutants if file.endswith(".sv") else python_source.mutants
    return find(file, (tree / file).read_bytes())


def order(tree: Path, seed: int, only: str = "") -> Iterator[Mutant]:
    """All mutants. RTL and driver take turns, in each all files, in each file all kinds: constants, of which there are
    the most, are not more likely than dropped locks."""
    files = sources(tree, only)
    halves = [_rounds(tree, seed, [file for file in files if file.startswith(half)]) for half in ("hdl/", "driver/")]
    for pair in zip_longest(*halves):
        yield from filter(None, pair)


def _rounds(tree: Path, seed: int, files: list[str]) -> Iterator[Mutant]:
    random = Random(f"{seed} files")
    random.shuffle(files)
    queues = [_shuffled(mutants_of(tree, file), Random(f"{seed} {file}")) for file in files]
    yield from filter(None, chain.from_iterable(zip_longest(*queues)))


def _shuffled(mutants: list[Mutant], random: Random) -> Iterator[Mutant]:
    by_kind: dict[str, list[Mutant]] = defaultdict(list)
    for mutant in mutants:
        by_kind[mutant.kind].append(mutant)
    for group in by_kind.values():
        random.shuffle(group)
    while by_kind:
        kind = random.choice(sorted(by_kind))
        yield by_kind[kind].pop()
        if not by_kind[kind]:
            del by_kind[kind]
