# SPDX-License-Identifier: MIT
"""HostMemory."""

from __future__ import annotations

import pytest

from sim.host.memory import HostMemory, OutsideMemory


@pytest.mark.parametrize("base", [0, 0x1_0000_0000])
def test_slices_are_the_memory_itself(base: int) -> None:
    memory = HostMemory(1 << 20, base)
    memory.slice(base + 100, 4)[:] = b"abcd"
    assert bytes(memory.view[98:106]) == b"\0\0abcd\0\0"
    assert len(memory.slice(base + (1 << 20) - 1, 1)) == 1


@pytest.mark.parametrize(("address", "count"), [(-1, 1), (0xFFFF_F000, 4097), (0x1_0010_0000, 1), (0x1_000F_FFFF, 2)])
def test_outside_is_refused(address: int, count: int) -> None:
    with pytest.raises(OutsideMemory):
        HostMemory(1 << 20, 0x1_0000_0000).slice(address, count)
