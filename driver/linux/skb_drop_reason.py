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
    SOCKET_RCVBUFF = 9
    NEIGH_FAILED = 10
    NEIGH_QUEUEFULL = 11
    QDISC_DROP = 12
    DEV_READY = 13  # the device is down or has no carrier
    UNHANDLED_PROTO = 14
    ICMP_CSUM = 15
    NOMEM = 16
    QUEUE_PURGE = 17
    IP_FRAGMENT = 18  # reassembly is not offered
    ARP_INVALID = 19
    DEV_TX = 20  # the driver gave up on it (dev_kfree_skb_any)
    PKT_TOO_BIG = 21
