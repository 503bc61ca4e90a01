# SPDX-License-Identifier: MIT
"""Capture files: read pcap and pcapng, write pcapng with nanosecond stamps.

Our own, because the libraries at hand each lose something we need: dpkt's readers drop the original length (so a
frame cut by snaplen cannot be told), scapy's are GPL and its pcapng writer cuts stamps to microseconds.
Sources: draft-ietf-opsawg-pcap, draft-ietf-opsawg-pcapng.

    CaptureError
     +- NotACapture   no such file, empty, or neither pcap nor pcapng
     +- Truncated     ends inside a record or block
     +- NotEthernet   link type other than 1
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

__all__ = ["CaptureError", "NotACapture", "NotEthernet", "Packet", "PcapngWriter", "Truncated", "read_capture"]

LINKTYPE_ETHERNET = 1
SECTION_HEADER, INTERFACE, SIMPLE_PACKET, ENHANCED_PACKET = 0x0A0D0D0A, 1, 3, 6
BYTE_ORDER_MAGIC = 0x1A2B3C4D
_BUFFER_BYTES = 64 << 10
OPT_END, OPT_COMMENT, OPT_EPB_FLAGS, OPT_IF_NAME, OPT_IF_TSRESOL, OPT_SHB_USERAPPL = 0, 1, 2, 2, 9, 4


class CaptureError(Exception):
    """Root of what reading a capture raises; the text is fit for a one-line error."""


class NotACapture(CaptureError):
    """No such file, empty, or of another format."""


class Truncated(CaptureError):
    """The file ends inside a record."""


class NotEthernet(CaptureError):
    """The frames are not Ethernet."""


@dataclass(frozen=True, slots=True)
class Packet:
    """One captured frame, without FCS. original_bytes > len(data): cut by snaplen."""

    time_ns: int
    data: bytes
    original_bytes: int


def read_capture(path: Path) -> list[Packet]:
    """Every frame of a pcap or pcapng file, either byte order, in file order.

    Raises: NotACapture, Truncated, NotEthernet.
    """
    try:
        raw = Path(path).read_bytes()
    except OSError as failure:
        raise NotACapture(f"{path}: {failure.strerror}") from failure
    if not raw:
        raise NotACapture(f"{path}: empty file")
    magic = raw[:4]
    if len(raw) < 4:
        raise NotACapture(f"{path}: neither pcap nor pcapng")
    if magic == b"\x0a\x0d\x0d\x0a":
        return list(_read_pcapng(path, raw))
    for order in "<>":
        for value, unit_ns in ((0xA1B2C3D4, 1000), (0xA1B23C4D, 1)):
            if magic == struct.pack(order + "I", value):
                return list(_read_pcap(path, raw, order, unit_ns))
    raise NotACapture(f"{path}: neither pcap nor pcapng")


def _read_pcap(path: Path, raw: bytes, order: str, unit_ns: int) -> Iterator[Packet]:
    if len(raw) < 24:
        raise Truncated(f"{path}: ends inside the file header")
    (network,) = struct.unpack_from(order + "I", raw, 20)
    _require_ethernet(path, network & 0xFFFF)  # upper bits: FCS length and flags
    record, at = struct.Struct(order + "IIII"), 24
    while at < len(raw):
        if at + 16 > len(raw):
            raise Truncated(f"{path}: ends inside the record header at byte {at}")
        seconds, fraction, captured, original = record.unpack_from(raw, at)
        at += 16
        if at + captured > len(raw):
            raise Truncated(f"{path}: ends inside the frame at byte {at}")
        yield Packet(seconds * 10**9 + fraction * unit_ns, raw[at : at + captured], original)
        at += captured


def _read_pcapng(path: Path, raw: bytes) -> Iterator[Packet]:
    order, at = "<", 0
    units: list[float] = []
    while at < len(raw):
        if at + 12 > len(raw):
            raise Truncated(f"{path}: ends inside the block at byte {at}")
        if raw[at : at + 4] == b"\x0a\x0d\x0d\x0a":
            order = "<" if raw[at + 8 : at + 12] == struct.pack("<I", BYTE_ORDER_MAGIC) else ">"
            if struct.unpack_from(order + "I", raw, at + 8)[0] != BYTE_ORDER_MAGIC:
                raise NotACapture(f"{path}: bad byte-order magic in the section at byte {at}")
            units = []
        kind, length = struct.unpack_from(order + "II", raw, at)
        if length < 12 or length % 4 or at + length > len(raw):
            raise Truncated(f"{path}: ends inside the block at byte {at}, or its length is wrong")
        body = raw[at + 8 : at + length - 4]
        try:
            if kind == INTERFACE:
                units.append(_interface_unit_ns(path, body, order))
            elif kind == ENHANCED_PACKET:
                yield _enhanced_packet(body, order, units)
            elif kind == SIMPLE_PACKET:
                (original,) = struct.unpack_from(order + "I", body)
                yield Packet(0, body[4 : 4 + original], original)
        except (struct.error, IndexError) as broken:
            raise NotACapture(f"{path}: malformed block at byte {at}") from broken
        at += length


def _interface_unit_ns(path: Path, body: bytes, order: str) -> float:
    """Nanoseconds per time stamp unit of an interface description."""
    _require_ethernet(path, struct.unpack_from(order + "H", body)[0])
    at = 8
    while at + 4 <= len(body):
        code, length = struct.unpack_from(order + "HH", body, at)
        if code == OPT_IF_TSRESOL and length == 1:
            resolution = body[at + 4]
            return 1e9 / (2.0 if resolution & 0x80 else 10.0) ** (resolution & 0x7F)
        if code == OPT_END:
            break
        at += 4 + (length + 3) // 4 * 4
    return 1000.0


def _enhanced_packet(body: bytes, order: str, units: Sequence[float]) -> Packet:
    interface, high, low, captured, original = struct.unpack_from(order + "IIIII", body)
    data = body[20 : 20 + captured]
    if len(data) < captured:
        raise IndexError
    stamp, unit_ns = high << 32 | low, units[interface]
    time_ns = stamp * int(unit_ns) if unit_ns >= 1 else int(stamp * unit_ns)
    return Packet(time_ns, data, original)


def _require_ethernet(path: Path, link_type: int) -> None:
    if link_type != LINKTYPE_ETHERNET:
        raise NotEthernet(f"{path}: link type {link_type}, not Ethernet (1)")


class PcapngWriter:
    """A pcapng file with nanosecond stamps, one or more named interfaces, and a comment per frame."""

    def __init__(self, path: Path, interfaces: Sequence[str]) -> None:
        self._file: BinaryIO = Path(path).open("wb", buffering=_BUFFER_BYTES)  # noqa: SIM115 (closed by close or with)
        self._blocks: dict[tuple[int, str, bool | None], _FrameBlock] = {}  # as they were needed
        header = struct.pack("<IHHq", BYTE_ORDER_MAGIC, 1, 0, -1)
        self._block(SECTION_HEADER, header + _options([(OPT_SHB_USERAPPL, b"nicosim")]))
        for name in interfaces:
            options = _options([(OPT_IF_NAME, name.encode()), (OPT_IF_TSRESOL, b"\x09")])
            self._block(INTERFACE, struct.pack("<HHI", LINKTYPE_ETHERNET, 0, 0) + options)

    def write(
        self,
        interface: int,
        time_ns: int,
        data: bytes | memoryview,
        comment: str = "",
        outbound: bool | None = None,
    ) -> None:
        """Append one frame (without FCS). outbound: direction as tshark shows it, None: unknown."""
        size = len(data)
        block = self._blocks.get((size, comment, outbound))
        if block is None:
            block = self._blocks[size, comment, outbound] = _FrameBlock(size, comment, outbound)
        self._file.write(
            block.pack(
                ENHANCED_PACKET, block.length, interface, time_ns >> 32, time_ns & 0xFFFFFFFF, size, size,
                data if data.__class__ is bytes else bytes(data), block.options, block.length,
            )
        )  # fmt: skip

    def _block(self, kind: int, body: bytes) -> None:
        length = len(body) + 12
        self._file.write(struct.pack("<II", kind, length) + body + struct.pack("<I", length))

    def flush(self) -> None:
        self._file.flush()

    def close(self) -> None:
        self._file.close()

    def __enter__(self) -> PcapngWriter:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _FrameBlock:
    """An enhanced packet block for frames of one size, comment and direction: all but time and data."""

    __slots__ = ("length", "options", "pack")

    def __init__(self, size: int, comment: str, outbound: bool | None) -> None:
        options = []
        if comment:
            options.append((OPT_COMMENT, comment.encode()))
        if outbound is not None:
            options.append((OPT_EPB_FLAGS, struct.pack("<I", 2 if outbound else 1)))
        self.options = _options(options) if options else b""
        # An "s" is filled up with zeros, which is the padding.
        block = struct.Struct(f"<7I{(size + 3) & -4}s{len(self.options)}sI")
        self.length = block.size
        self.pack = block.pack


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)


def _options(options: Sequence[tuple[int, bytes]]) -> bytes:
    listed = b"".join(struct.pack("<HH", code, len(value)) + _padded(value) for code, value in options)
    return listed + struct.pack("<HH", OPT_END, 0)
