# SPDX-License-Identifier: MIT
import shutil
import struct
import subprocess
from pathlib import Path

import dpkt
import pytest

from sim.observe.pcap import NotACapture, NotEthernet, Packet, PcapngWriter, Truncated, read_capture

CAPTURES = Path(__file__).resolve().parents[2] / "data" / "captures"
FRAME = bytes(range(60))


def pcap(order: str, magic: int, records: list[tuple[int, int, bytes, int]], link: int = 1) -> bytes:
    out = struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, 65535, link)
    for seconds, fraction, data, original in records:
        out += struct.pack(order + "IIII", seconds, fraction, len(data), original) + data
    return out


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize(("magic", "expected_ns"), [(0xA1B2C3D4, 7_000_123_000), (0xA1B23C4D, 7_000_000_123)])
def test_reads_pcap_of_either_order_and_resolution(tmp_path, order, magic, expected_ns):
    file = tmp_path / "x.pcap"
    file.write_bytes(pcap(order, magic, [(7, 123, FRAME, 1500)]))
    assert read_capture(file) == [Packet(expected_ns, FRAME, 1500)]


def test_written_pcapng_reads_back_with_nanoseconds(tmp_path):
    file = tmp_path / "x.pcapng"
    with PcapngWriter(file, ["host", "wire"]) as writer:
        writer.write(0, 5 * 10**9 + 1, FRAME, comment="one", outbound=True)
        writer.write(1, 2**40 + 3, FRAME[:21])
    assert read_capture(file) == [Packet(5 * 10**9 + 1, FRAME, 60), Packet(2**40 + 3, FRAME[:21], 21)]


@pytest.mark.parametrize("size", [0, 1, 2, 3, 4, 61])
@pytest.mark.parametrize(("comment", "outbound"), [("", None), ("", True), ("odd", False), ("four", None)])
def test_blocks_of_every_size_are_as_the_format_wants_them(tmp_path, size, comment, outbound):
    file = tmp_path / "x.pcapng"
    data = FRAME.ljust(61)[:size]
    with PcapngWriter(file, ["wire"]) as writer:
        writer.write(0, 7, memoryview(data), comment, outbound)
        writer.write(0, 8, data, comment, outbound)
    blocks, raw = [], file.read_bytes()
    while raw:
        length = struct.unpack_from("<I", raw, 4)[0]
        assert length % 4 == 0 and struct.unpack_from("<I", raw, length - 4)[0] == length
        blocks.append(raw[28 : length - 4])
        raw = raw[length:]
    padded = (size + 3) // 4 * 4
    assert blocks[2] == blocks[3] and blocks[2][:padded] == data.ljust(padded, b"\0")
    options = blocks[2][padded:]
    assert comment.encode() in options
    assert (struct.pack("<HHI", 2, 4, 2 if outbound else 1) in options) == (outbound is not None)


@pytest.mark.skipif(shutil.which("tshark") is None, reason="no tshark to judge with")
def test_tshark_reads_what_we_write(tmp_path):
    file = tmp_path / "x.pcapng"
    with PcapngWriter(file, ["host", "wire"]) as writer:
        writer.write(1, 5 * 10**9 + 1, FRAME, comment="descriptor 17")
    fields = ["frame.time_epoch", "frame.interface_name", "frame.comment", "frame.len"]
    command = ["tshark", "-r", str(file), "-T", "fields", *(word for f in fields for word in ("-e", f))]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split("\t")
    assert [word.strip() for word in said] == ["5.000000001", "wire", "descriptor 17", "60"]


@pytest.mark.parametrize("capture", sorted(CAPTURES.glob("*.pcap*")), ids=lambda p: p.name)
def test_reads_the_vendored_captures_as_dpkt_does(capture):
    ours = read_capture(capture)
    with capture.open("rb") as file:
        theirs = [bytes(data) for _, data in dpkt.pcap.UniversalReader(file)]
    assert len(ours) > 0
    assert [packet.data for packet in ours] == theirs


def test_tells_frames_cut_by_snaplen():
    packets = read_capture(CAPTURES / "stp-heapoverflow-1.pcap")
    assert len(packets) == 14
    assert all(packet.original_bytes > len(packet.data) for packet in packets)


GOOD = pcap("<", 0xA1B2C3D4, [(1, 2, FRAME, 60)])


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (b"", NotACapture),
        (b"\xd4", NotACapture),
        (b"hello, this is text", NotACapture),
        (GOOD[:20], Truncated),
        (GOOD[:30], Truncated),
        (GOOD[:-1], Truncated),
        (pcap("<", 0xA1B2C3D4, [], link=101), NotEthernet),
        (b"\x0a\x0d\x0d\x0a" + bytes(8), NotACapture),
    ],
)
def test_refuses_what_is_not_a_whole_ethernet_capture(tmp_path, content, error):
    file = tmp_path / "x"
    file.write_bytes(content)
    with pytest.raises(error, match=r"x: .+"):
        read_capture(file)


def test_refuses_a_missing_file(tmp_path):
    with pytest.raises(NotACapture, match="No such file"):
        read_capture(tmp_path / "absent.pcap")


def test_a_cut_pcapng_is_truncated(tmp_path):
    whole = (CAPTURES / "ahcp.pcapng").read_bytes()
    file = tmp_path / "cut.pcapng"
    file.write_bytes(whole[:-5])
    with pytest.raises(Truncated):
        read_capture(file)


@pytest.mark.parametrize("length", range(1, 400, 7))
def test_any_cut_of_a_pcapng_is_an_error_or_whole_blocks(tmp_path, length):
    whole = (CAPTURES / "ahcp.pcapng").read_bytes()
    file = tmp_path / "cut.pcapng"
    file.write_bytes(whole[:length])
    try:
        packets = read_capture(file)
    except (Truncated, NotACapture):
        return
    assert packets == read_capture(CAPTURES / "ahcp.pcapng")[: len(packets)]
