# SPDX-License-Identifier: MIT
"""One small change of one source file."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace

__all__ = ["Mutant", "distinct", "make"]


@dataclass(frozen=True, slots=True)
class Mutant:
    """Bytes start..end of `file` (a path below the root, slashes) are replaced by `text`.

    line: of its first byte, from 1; before, after: the source lines that it touches, in one line, for people and for
    `survivors.toml`, which must know a mutant again when it has moved. ordinal: how many of the same kind, before and
    after come earlier in the file.
    """

    file: str
    line: int
    kind: str
    start: int
    end: int
    text: str
    before: str
    after: str
    ordinal: int = 0

    def applied(self, source: bytes) -> bytes:
        return source[: self.start] + self.text.encode() + source[self.end :]

    @property
    def key(self) -> str:
        """The same for the same change of the same text; the number of the line is not part of it."""
        told = [self.file, self.kind, self.before, self.after, str(self.ordinal)]
        return hashlib.sha256("\0".join(told).encode()).hexdigest()[:12]

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.kind}: {self.before}  ->  {self.after}"


def make(file: str, source: bytes, kind: str, start: int, end: int, text: str) -> Mutant:
    """The mutant with what people see of it."""
    first = source.rfind(b"\n", 0, start) + 1
    last = source.find(b"\n", end)
    last = len(source) if last < 0 else last
    changed = source[first:start] + text.encode() + source[end:last]
    before, after = (" ".join(lines.decode().split()) for lines in (source[first:last], changed))
    return Mutant(file, source.count(b"\n", 0, start) + 1, kind, start, end, text, before, after)


def distinct(found: Iterable[Mutant]) -> list[Mutant]:
    """Each change of the text once, in the order of one file's text, those that look alike numbered."""
    unique = {(mutant.start, mutant.end, mutant.text): mutant for mutant in found}
    seen: Counter[tuple[str, str, str]] = Counter()
    numbered = []
    for place in sorted(unique):
        mutant = unique[place]
        alike = (mutant.kind, mutant.before, mutant.after)
        numbered.append(replace(mutant, ordinal=seen[alike]))
        seen[alike] += 1
    return numbered
