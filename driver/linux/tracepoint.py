# SPDX-License-Identifier: MIT
"""Tracepoints (linux/tracepoint.h, trace/events/{irq,napi,net,sched,dma}.h): where the kernel tells what it is doing.

`Kernel.tracer` is None, and then each costs one test, or an object with these methods. They are called in the context
that they tell of: ON.cpu is its CPU, ON.kernel.now_ns the time. A tracer changes nothing and must not raise.

Where this differs from Linux: a tracepoint that ends something has its beginning beside it (napi_poll_entry), and
net_dev_xmit is not given the skb, which may be freed by then.
"""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from driver.linux.cpu import Task
    from driver.linux.napi import NapiStruct
    from driver.linux.net.device import NetDevice
    from driver.linux.net.skb import SkBuff

__all__ = ["Tracer", "traced_answer"]


class Tracer(Protocol):
    """Entry and exit pair up and nest, within one context of one CPU; a context that raised has no exit."""

    def irq_handler_entry(self, irq: int, name: str) -> None:
        """One handler of a line is about to be called."""

    def irq_handler_exit(self, irq: int, ret: int) -> None:
        """ret: IRQ_HANDLED or IRQ_NONE."""

    def softirq_entry(self, vec_nr: int) -> None: ...

    def softirq_exit(self, vec_nr: int) -> None: ...

    def napi_poll_entry(self, napi: NapiStruct, budget: int) -> None: ...

    def napi_poll(self, napi: NapiStruct, work: int, budget: int) -> None:
        """The poll is over; work: packets it received."""

    def net_dev_start_xmit(self, skb: SkBuff, dev: NetDevice) -> None:
        """ndo_start_xmit is about to be called; the skb is whole and not mapped."""

    def net_dev_xmit(self, rc: int, dev: NetDevice) -> None:
        """It has answered rc (NETDEV_TX_OK, NETDEV_TX_BUSY)."""

    def netif_receive_skb_entry(self, skb: SkBuff) -> None:
        """The stack takes a packet, from mac_header to tail."""

    def netif_receive_skb_exit(self, ret: int) -> None: ...

    def dma_map_page(self, phys_addr: int, dma_addr: int, size: int, direction: int) -> None:
        """Memory was mapped for a device; dma_addr is DMA_MAPPING_ERROR where that failed."""

    def sched_switch(self, prev: Task | None, next: Task | None) -> None:
        """A CPU goes from one process to another; None: idle, which it is for no time between two processes."""


async def traced_answer(tracer: Tracer, answer: Awaitable[int], dev: NetDevice) -> int:
    """What an ndo_start_xmit that waits answers in the end, told to the tracer."""
    rc = await answer
    tracer.net_dev_xmit(rc, dev)
    return rc
