# SPDX-License-Identifier: MIT
"""What networking keeps per kernel and per CPU."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

from driver.linux.current import ON
from driver.linux.skb_drop_reason import SkbDropReason

if TYPE_CHECKING:
    from driver.linux.napi import NapiStruct
    from driver.linux.net.device import NetDevice
    from driver.linux.net.sch_generic import Qdisc
    from driver.linux.packet import PacketType
    from driver.linux.skbuff import SkBuff

__all__ = ["Net", "SoftnetData", "net_state", "this_softnet"]


class SoftnetData:
    """struct softnet_data: the work of one CPU's network softirqs, and /proc/net/softnet_stat."""

    __slots__ = ("completion_queue", "output_queue", "poll_list", "processed", "time_squeeze")

    def __init__(self) -> None:
        self.poll_list: deque[NapiStruct] = deque()
        self.output_queue: deque[Qdisc] = deque()
        self.completion_queue: deque[tuple[SkBuff, SkbDropReason | None]] = deque()
        self.processed = 0
        self.time_squeeze = 0


class Net:
    """One kernel's networking."""

    __slots__ = (
        "allocated",
        "devices",
        "next_ifindex",
        "on_down",
        "on_unregister",
        "ptype_all",
        "ptype_base",
        "skb_drops",
        "softnet",
    )

    def __init__(self, cpus: int) -> None:
        self.softnet = tuple(SoftnetData() for _ in range(cpus))
        self.skb_drops = [0] * len(SkbDropReason)
        self.devices: dict[str, NetDevice] = {}
        self.allocated: list[NetDevice] = []  # not freed yet
        self.next_ifindex = 1
        self.on_down: list[Callable[[NetDevice], None]] = []  # a device went down
        self.on_unregister: list[Callable[[NetDevice], None]] = []  # let go of a device that goes
        self.ptype_all: tuple[PacketType, ...] = ()
        self.ptype_base: dict[int, tuple[PacketType, ...]] = {}

    def drop_counts(self) -> dict[str, int]:
        """Packets dropped so far, by reason."""
        return {reason.name: self.skb_drops[reason] for reason in SkbDropReason if self.skb_drops[reason]}


def net_state() -> Net:
    """Of the kernel that executes."""
    return ON.kernel.net


def this_softnet() -> SoftnetData:
    """Of the CPU that executes."""
    cpu = ON.cpu
    return cpu.kernel.net.softnet[cpu.index]
