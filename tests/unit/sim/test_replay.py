# SPDX-License-Identifier: MIT
"""What of a capture is sent, when, and what is refused."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from sim.observe.pcap import CaptureError
from sim.replay import load_replay
from sim.wire import Frame


def pcap(path: Path, records: list[tuple[int, bytes, int]]) -> Path:
    """records: time in us, data, original length."""
    out = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)
    for time_us, data, original in records:
        out += struct.pack("<IIII", time_us // 10**6, time_us % 10**6, len(data), original) + data
    path.write_bytes(out)
    return path


def test_frames_keep_their_order_and_their_distance(tmp_path: Path) -> None:
    a, b, c = bytes(60), b"\1" * 20, b"\2" * 60
    file = pcap(tmp_path / "x.pcap", [(5_000_000, a, 60), (5_000_007, b, 20), (4_000_000, c, 60)])
    replay = load_replay(file)
    assert replay.frames == [(0, Frame(a)), (7000, Frame(b)), (0, Frame(c))] and replay.refused == {}


def test_raw_frames_are_not_padded(tmp_path: Path) -> None:
    file = pcap(tmp_path / "x.pcap", [(0, bytes(20), 20), (0, bytes(5), 5)])
    assert [frame.payload for _, frame in load_replay(file, raw=True).frames] == [bytes(20), bytes(5)]
    padded = load_replay(file)
    assert [frame.payload for _, frame in padded.frames] == [bytes(60)]
    assert padded.refused == {"shorter than an Ethernet header": 1}


def test_cut_frames_are_refused_and_counted(tmp_path: Path) -> None:
    file = pcap(tmp_path / "x.pcap", [(0, bytes(60), 61), (1, bytes(60), 60), (2, bytes(96), 1500)])
    replay = load_replay(file)
    assert len(replay.frames) == 1 and replay.refused == {"cut by snaplen": 2}


@pytest.mark.parametrize("content", [b"", b"\xd4\xc3\xb2", b"hello world, this is no capture"])
def test_what_is_no_capture_is_an_error(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x").write_bytes(content)
    with pytest.raises(CaptureError):
        load_replay(tmp_path / "x")
