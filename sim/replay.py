# SPDX-License-Identifier: MIT
"""Turn a capture into what is sent at the card: which frames, when, and which are refused."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from sim.observe.pcap import Packet, read_capture
from sim.wire import Frame

__all__ = ["Replay", "load_replay"]

# Below this there is not even an Ethernet header.
_HEADER_BYTES = 14
CUT = "cut by snaplen"
NO_HEADER = "shorter than an Ethernet header"


@dataclass(slots=True)
class Replay:
    """frames: with their offset from the capture's first frame, ns; refused: reason -> frames not sent."""

    frames: list[tuple[int, Frame]] = field(default_factory=list)
    refused: dict[str, int] = field(default_factory=dict)


def _refusal(packet: Packet, raw: bool) -> str | None:
    if packet.original_bytes > len(packet.data):
        return CUT
    if len(packet.data) < _HEADER_BYTES and not raw:
        return NO_HEADER
    return None


def load_replay(path: Path, *, raw: bool = False) -> Replay:
    """raw: short frames go out as they are, instead of padded to the legal minimum.

    Raises: sim.observe.pcap.CaptureError.
    """
    replay = Replay()
    packets = read_capture(path)
    begin = packets[0].time_ns if packets else 0
    for packet in packets:
        refusal = _refusal(packet, raw)
        if refusal is not None:
            replay.refused[refusal] = replay.refused.get(refusal, 0) + 1
        else:
            # Captures are not always in order of time; what comes early goes out when its turn comes.
            replay.frames.append((max(0, packet.time_ns - begin), Frame(packet.data, pad=not raw)))
    return replay
