# SPDX-License-Identifier: MIT
"""The picture of a trace's beginning: sim/observe/trace_svg.py."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

from driver.linux.if_ether import ETH_P_ARP, ETH_P_IP
from driver.linux.netdevice import NETDEV_TX_OK
from driver.linux.skbuff import SkBuff, alloc_skb, skb_put_data
from sim.observe.trace import Trace
from sim.observe.trace_svg import write_picture
from tests.unit.pump import machine

SVG = "{http://www.w3.org/2000/svg}"


def exchange(folder: Path, protocols: list[int]) -> None:
    """For each protocol, 100 us apart: a frame comes, waits 50 us, and is answered."""
    trace, kernel = Trace(folder / "trace.json"), machine(memory_bytes=1 << 20).kernel

    def skb(data: bytes) -> SkBuff:
        made = alloc_skb(64)
        assert made is not None
        skb_put_data(made, data)
        return made

    with kernel.entered():
        for number, protocol in enumerate(protocols):
            begin_ns = number * 100_000
            request, answer = bytes([number]) * 60, bytes([128 + number]) * 60
            trace.wire_in(request, begin_ns, begin_ns + 58, True)
            kernel.now_ns = begin_ns + 50_000
            received = skb(request)
            received.protocol = protocol
            trace.netif_receive_skb_entry(received)
            trace.net_dev_start_xmit(skb(answer), SimpleDevice)  # type: ignore[arg-type]
            trace.net_dev_xmit(NETDEV_TX_OK, SimpleDevice)  # type: ignore[arg-type]
            trace.netif_receive_skb_exit(0)
            trace.wire_out(answer, begin_ns + 51_000, begin_ns + 51_058, True)
    trace.close()


class SimpleDevice:
    name = "eth0"


def texts(folder: Path) -> list[str]:
    return [element.text or "" for element in ET.parse(folder / "trace.svg").iter(f"{SVG}text")]


def test_the_first_answered_ip_frame_is_drawn(tmp_path: Path) -> None:
    exchange(tmp_path, [ETH_P_ARP, ETH_P_IP, ETH_P_IP])
    assert write_picture(tmp_path)
    told = texts(tmp_path)
    assert told.count("64 bytes") == 2 and told.count("netif_receive_skb") == told.count("ndo_start_xmit") == 1
    assert {"to the card", "from the card", "cpu 0 process"} <= set(told) and "100.0 µs" in told
    assert len([text for text in told if text == "49.7 µs"]) == 1, "the time in between is cut out, and told"
    paths = ET.parse(tmp_path / "trace.svg").iter(f"{SVG}path")
    assert len([path for path in paths if path.get("class") == "flow"]) == 2


def test_without_an_exchange_there_is_no_picture(tmp_path: Path) -> None:
    exchange(tmp_path, [ETH_P_ARP])
    assert not write_picture(tmp_path) and not (tmp_path / "trace.svg").exists()


def test_without_a_trace_there_is_none_either(tmp_path: Path) -> None:
    assert not write_picture(tmp_path)
