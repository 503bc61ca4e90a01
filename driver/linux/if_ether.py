# SPDX-License-Identifier: MIT
"""Ethernet constants under their Linux names (include/uapi/linux/if_ether.h)."""

from __future__ import annotations

ETH_ALEN = 6
ETH_TLEN = 2
ETH_HLEN = 14
ETH_ZLEN = 60  # least frame without FCS
ETH_DATA_LEN = 1500
ETH_FRAME_LEN = 1514
ETH_FCS_LEN = 4
ETH_MIN_MTU = 68
ETH_MAX_MTU = 0xFFFF
VLAN_HLEN = 4

ETH_P_802_3 = 0x0001  # not on the wire: 802.3 frame whose payload starts 0xffff (Novell)
ETH_P_ALL = 0x0003  # not on the wire: a tap
ETH_P_802_2 = 0x0004  # not on the wire: 802.3 frame with an LLC header
ETH_P_802_3_MIN = 0x0600
ETH_P_IP = 0x0800
ETH_P_ARP = 0x0806
ETH_P_8021Q = 0x8100
ETH_P_IPV6 = 0x86DD
ETH_P_PAUSE = 0x8808
ETH_P_8021AD = 0x88A8
ETH_P_1588 = 0x88F7

BROADCAST_ADDR = b"\xff" * ETH_ALEN
