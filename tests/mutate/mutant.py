# SPDX-License-Identifier: MIT
"""One small change of one source file."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

__all__ = ["Mutant", "make"]


@dataclass(frozen=True, slots=True)
class Mutant:
    """Bytes start..end of `file` (a path below the root, slashes) are replaced by `text`.

    line: of its first byte, from 1; before, after: the source lines that it touches, in one line, for people and for
    `survivors.toml`, which must know a mutant again when it has moved.
    """

    file: str
    line: int
    kind: str
    start: int
    end: int
    text: str
    before: str
    after: str

    def applied(self, source: bytes) -> bytes:
        return source[: self.start] + self.text.encode() + source[self.end :]

    @property
    def key(self) -> str:
        """The same for the same change of the same text; the number of the line is not part of it."""
        return hashlib.sha256("\0".join([self.file, self.kind, self.before, self.after]).encode()).hexdigest()[:12]

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
