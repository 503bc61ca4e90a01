# SPDX-License-Identifier: MIT
"""Why a packet was dropped (include/net/dropreason-core.h): each kernel counts its drops by these."""

from __future__ import annotations

from enum import IntEnum

__all__ = ["SkbDropReason"]


class SkbDropReason(IntEnum):
    """NOT_SPECIFIED is what a caller who gives no reason counts under."""

    NOT_SPECIFIED = 0
    NO_SOCKET = 1  # UDP: nobody bound to the port
    PKT_TOO_SMALL = 2  # shorter than its own headers say
    UDP_CSUM = 3
    OTHERHOST = 4  # link layer address is not ours
    IP_CSUM = 5
    IP_INHDR = 6  # version, header length or total length is nonsense
    IP_NOPROTO = 7
    IP_INADDRERRORS = 8  # not our IPv4 address
    IP_OUTNOROUTES = 9
    SOCKET_RCVBUFF = 10
    NEIGH_FAILED = 11
    NEIGH_QUEUEFULL = 12
    QDISC_DROP = 13
    DEV_READY = 14  # the device is down or has no carrier
    DEV_HDR = 15  # no link layer header could be built
    CPU_BACKLOG = 16
    UNHANDLED_PROTO = 17
    ICMP_CSUM = 18
    NOMEM = 19
    QUEUE_PURGE = 20
    IP_FRAGMENT = 21  # reassembly is not offered
    ARP_INVALID = 22
    RECURSION = 23  # a virtual device transmits through itself
    DEV_TX = 24  # the driver gave up on it (dev_kfree_skb_any)
    PKT_TOO_BIG = 25
