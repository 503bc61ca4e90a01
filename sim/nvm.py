# SPDX-License-Identifier: MIT
"""The card's NVM contents: what the factory programs, as the 82574L expects it.

Source: 82574 datasheet, NVM map: MAC address in words 0 to 2, identification in 0x0B to 0x0E, alternate MAC address
pointer in 0x37, and a checksum word 0x3F that makes words 0 to 0x3F add up to 0xBABA.
"""

from __future__ import annotations

from pathlib import Path

__all__ = ["NVM_WORDS", "nvm_image", "parse_mac", "write_nvm"]

NVM_WORDS = 4096
_BLANK = 0xFFFF
_SUBSYSTEM, _SUBSYSTEM_VENDOR, _DEVICE, _VENDOR, _CHECKSUM = 0x0B, 0x0C, 0x0D, 0x0E, 0x3F
_SUM = 0xBABA


def parse_mac(text: str) -> bytes:
    """Raises: ValueError."""
    parts = text.split(":")
    if len(parts) != 6 or any(len(part) != 2 for part in parts):
        raise ValueError(f"{text!r} is not a MAC address like 00:1b:21:0a:8b:01")
    mac = bytes.fromhex("".join(parts))
    if mac[0] & 1 or mac == bytes(6):
        raise ValueError(f"{text} is not the address of one card")
    return mac


def nvm_image(mac: bytes, changes: dict[int, int] | None = None) -> list[int]:
    """All words. changes: words to set before the checksum is made; the checksum word itself may be among them."""
    words = [_BLANK] * NVM_WORDS
    words[0:3] = [int.from_bytes(mac[at : at + 2], "little") for at in (0, 2, 4)]
    words[_SUBSYSTEM], words[_SUBSYSTEM_VENDOR] = 0xA01F, 0x8086
    words[_DEVICE], words[_VENDOR] = 0x10D3, 0x8086
    changes = changes or {}
    for address, value in changes.items():
        words[address] = value
    if _CHECKSUM not in changes:
        words[_CHECKSUM] = (_SUM - sum(words[:_CHECKSUM])) & 0xFFFF
    return words


def write_nvm(path: Path, words: list[int]) -> None:
    """As $readmemh reads it."""
    path.write_text("".join(f"{word:04x}\n" for word in words))
