# SPDX-License-Identifier: MIT
"""Host memory: one anonymous mmap, placed anywhere in the physical address space."""

from __future__ import annotations

import mmap

__all__ = ["HostMemory", "OutsideMemory"]


class OutsideMemory(IndexError):
    """A physical address range that is not all memory."""


class HostMemory:
    """`view[i]` is physical address `base + i`. Shared by the kernel and every bus model without copies."""

    def __init__(self, size: int, base: int = 0) -> None:
        self._map = mmap.mmap(-1, size)
        self.view = memoryview(self._map)
        self.base = base
        self.size = size

    def slice(self, physical: int, count: int) -> memoryview:
        """The `count` bytes at `physical`, writable.

        Raises: OutsideMemory.
        """
        start = physical - self.base
        if start < 0 or count < 0 or start + count > self.size:
            raise OutsideMemory(f"{count} bytes at {physical:#x} are outside memory at {self.base:#x}")
        return self.view[start : start + count]
