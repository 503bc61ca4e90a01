# SPDX-License-Identifier: MIT
"""Legacy descriptors as they lie in memory: 16 bytes, little endian (Linux: hw.h). Datasheet: legacy descriptors.

    transmit   address 64 | length 16 | CSO 8 | command 8 | status 8 | CSS 8  | special 16
    receive    address 64 | length 16 | checksum 16       | status 8 | errors 8 | special 16
"""

from __future__ import annotations

import struct

__all__ = [
    "DESC_BYTES",
    "RXD",
    "RXD_ERR_CE",
    "RXD_ERR_CXE",
    "RXD_ERR_FRAME_ERR_MASK",
    "RXD_ERR_RXE",
    "RXD_ERR_SE",
    "RXD_ERR_SEQ",
    "RXD_STATUS_OFFSET",
    "RXD_STAT_DD",
    "RXD_STAT_EOP",
    "TXD",
    "TXD_CMD_EOP",
    "TXD_CMD_IDE",
    "TXD_CMD_IFCS",
    "TXD_CMD_RS",
    "TXD_STATUS_OFFSET",
    "TXD_STAT_DD",
]

DESC_BYTES = 16

TXD = struct.Struct("<QHBBBBH")
TXD_STATUS_OFFSET = 12
TXD_CMD_EOP = 0x01  # last descriptor of the frame
TXD_CMD_IFCS = 0x02  # append the FCS
TXD_CMD_RS = 0x08  # write status back
TXD_CMD_IDE = 0x80  # its interrupt may wait for more: TIDV, TADV
TXD_STAT_DD = 0x01

RXD = struct.Struct("<QHHBBH")
RXD_STATUS_OFFSET = 12
RXD_STAT_DD = 0x01
RXD_STAT_EOP = 0x02
RXD_ERR_CE = 0x01  # FCS wrong
RXD_ERR_SE = 0x02  # symbol error
RXD_ERR_SEQ = 0x04  # sequence error
RXD_ERR_CXE = 0x10  # carrier extension error
RXD_ERR_RXE = 0x80  # receive data error
# A frame with one of these is no frame. The two others are of checksum offload and leave the frame whole.
RXD_ERR_FRAME_ERR_MASK = RXD_ERR_CE | RXD_ERR_SE | RXD_ERR_SEQ | RXD_ERR_CXE | RXD_ERR_RXE
