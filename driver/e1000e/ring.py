# SPDX-License-Identifier: MIT
"""Memory of a descriptor ring, transmit or receive (Linux: e1000e_setup_tx_resources and its three sisters)."""

from __future__ import annotations

from driver.e1000e.adapter import Buffer, Ring
from driver.linux.dma_mapping import dma_alloc_coherent, dma_free_coherent
from driver.linux.errno import ENOMEM

__all__ = ["e1000e_empty_ring", "e1000e_free_ring", "e1000e_setup_ring"]


def e1000e_setup_ring(ring: Ring) -> int:
    """Memory for descriptors and bookkeeping: 0 or -ENOMEM."""
    got = dma_alloc_coherent(ring.adapter.pdev, ring.size)
    if got is None:
        return -ENOMEM
    ring.desc, ring.dma = got
    ring.buffer_info = [Buffer() for _ in range(ring.count)]
    ring.next_to_use = ring.next_to_tell = ring.next_to_clean = 0
    return 0


def e1000e_empty_ring(ring: Ring) -> None:
    """Forget all descriptors; what they held was given back."""
    ring.desc[:] = bytes(len(ring.desc))
    ring.next_to_use = ring.next_to_tell = ring.next_to_clean = 0


def e1000e_free_ring(ring: Ring) -> None:
    """Undo e1000e_setup_ring; no buffer is mapped any more (e1000e_down saw to that). A ring without memory is one."""
    if not ring.dma:
        return
    dma_free_coherent(ring.adapter.pdev, ring.size, ring.desc, ring.dma)
    ring.desc, ring.dma, ring.buffer_info = memoryview(b""), 0, []
