# SPDX-License-Identifier: MIT
"""struct sk_buff itself, and what it becomes when it is freed; what is done with one is in driver/linux/skbuff.py."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from driver.linux.bug import ContractViolation, Where, fatal_violation, told, warn_violation
from driver.linux.mm import Buffer

if TYPE_CHECKING:
    from driver.linux.net.device import NetDevice
    from driver.linux.skbuff import SkBuffHead

__all__ = [
    "CHECKSUM_COMPLETE", "CHECKSUM_NONE", "CHECKSUM_PARTIAL", "CHECKSUM_UNNECESSARY", "NOT_SET", "SKB_OVERHEAD",
    "FreedSkBuff", "SkBuff", "skb_bug", "skb_violation", "touched_while_mapped",
]  # fmt: skip

CHECKSUM_NONE: Final = 0
CHECKSUM_UNNECESSARY: Final = 1
CHECKSUM_COMPLETE: Final = 2
CHECKSUM_PARTIAL: Final = 3

NOT_SET: Final = -1  # of a header offset
SKB_OVERHEAD: Final = 576  # bytes of struct sk_buff and skb_shared_info on a 64-bit kernel


class SkBuff:
    """struct sk_buff; linear only. Offsets are bytes into `head`."""

    __slots__ = (
        "cb",
        "csum",
        "data",
        "destructor",
        "dev",
        "end",
        "freed",
        "head",
        "ip_summed",
        "len",
        "mac_header",
        "made",
        "network_header",
        "pkt_type",
        "protocol",
        "queue",
        "sk",
        "tail",
        "transport_header",
        "truesize",
        "tstamp",
        "users",
    )

    def __init__(self, head: Buffer, end: int, made: Where, headroom: int = 0, dev: NetDevice | None = None) -> None:
        self.head = head
        self.data = headroom
        self.tail = headroom
        self.end = end
        self.len = 0
        self.users = 1
        self.queue: SkBuffHead | None = None
        self.dev = dev
        self.protocol = 0
        self.pkt_type = 0
        self.ip_summed = CHECKSUM_NONE
        self.csum = 0
        self.mac_header = NOT_SET
        self.network_header = NOT_SET
        self.transport_header = NOT_SET
        self.sk: Any = None  # the socket that sent it: told with error_report(errno) when it cannot be delivered
        self.destructor: Callable[[SkBuff], None] | None = None  # called when the last user lets go
        self.truesize = end + SKB_OVERHEAD
        self.tstamp = 0  # ns, 0: not stamped
        self.cb: Any = None  # control block: belongs to whichever layer holds the skb
        self.made = made
        self.freed: Where | None = None

    def view(self) -> memoryview:
        """The packet, from `data` to `tail`."""
        head = self.head
        if head.mapped:
            touched_while_mapped(self)
        return head.view[self.data : self.tail]

    def head_view(self) -> memoryview:
        """The whole head, for reading at header offsets."""
        head = self.head
        if head.mapped:
            touched_while_mapped(self)
        return head.view

    @property
    def addr(self) -> int:
        """Physical address of `data`."""
        return self.head.addr + self.data

    @property
    def where_made(self) -> str:
        return told(self.made)

    def __repr__(self) -> str:
        return f"<skb {self.len} bytes at {self.addr:#x}, users {self.users}, made at {told(self.made)}>"


class FreedSkBuff(SkBuff):
    """What the last free turns an skb into: a live skb pays nothing for the check, and no use escapes it."""

    __slots__ = ()

    def __getattribute__(self, name: str) -> Any:
        if not name.startswith("__"):
            skb_violation(self, "skb-use-after-free", f"reads {name} of an skb that was freed")
        return object.__getattribute__(self, name)

    def __setattr__(self, name: str, value: Any) -> None:
        skb_violation(self, "skb-use-after-free", f"writes {name} of an skb that was freed")
        object.__setattr__(self, name, value)

    def __repr__(self) -> str:
        return f"<{_described(self)}, made at {told(object.__getattribute__(self, 'made'))}>"


def _described(skb: SkBuff) -> str:
    freed = object.__getattribute__(skb, "freed")
    return "skb" if freed is None else f"skb freed at {told(freed)}"


def skb_violation(skb: SkBuff, rule: str, message: str) -> None:
    warn_violation(rule, _described(skb), message, object.__getattribute__(skb, "made"))


def skb_bug(skb: SkBuff, rule: str, message: str) -> ContractViolation:
    """A violation nothing sane can follow: for the caller to raise."""
    return fatal_violation(rule, _described(skb), message, skb.made)


def touched_while_mapped(skb: SkBuff) -> None:
    skb_violation(skb, "skb-mapped", "packet bytes touched while they are mapped for DMA")
