# SPDX-License-Identifier: MIT
"""LinkPartner: a host at the other end of the link, built on dpkt so that it shares nothing with driver/linux/inet.

It answers ARP, ICMP echo and UDP echo (port 7), and it asks: each question is an Exchange, which is answered, or
wrong with a reason, when a frame that claims to be its answer has been looked at byte by byte. Whoever waits brings
the patience: nothing here knows time.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

import dpkt

from sim.wire import Frame, Received, Wire

__all__ = ["Exchange", "LinkPartner", "PartnerConfig"]

_ETHER_ARP, _ETHER_IP = dpkt.ethernet.ETH_TYPE_ARP, dpkt.ethernet.ETH_TYPE_IP
_UDP_ECHO = 7
_IP_AND_ICMP = 28  # header bytes in front of an echo's data, and of a datagram's


@dataclass(frozen=True, slots=True)
class PartnerConfig:
    """Who the partner is."""

    mac: bytes = bytes.fromhex("020000000002")
    ip: str = "10.82.57.2"


@dataclass(slots=True)
class Exchange:
    """A question and what became of it. what: for messages; error: why the answer was wrong."""

    what: str
    answered: bool = False
    error: str | None = None
    on_done: Callable[[], None] | None = None
    _expected: bytes = field(default=b"", repr=False)

    @property
    def done(self) -> bool:
        return self.answered or self.error is not None

    def finish(self, error: str | None = None) -> None:
        """Only the first answer counts; a second one is an error of its own."""
        if self.answered and error is None:
            error = "answered twice"
        self.answered = error is None
        self.error = self.error or error
        if self.on_done is not None:
            self.on_done()


def _mac_text(mac: bytes) -> str:
    return mac.hex(":")


class LinkPartner:
    """Hears and speaks on `wire`. Counts what it answered: arp_answered, echo_answered, udp_answered.

    complaints: malformed frames of the host's stack, and answers nobody asked for.
    """

    def __init__(self, wire: Wire, config: PartnerConfig | None = None, seed: int = 0) -> None:
        self._wire = wire
        self.config = config or PartnerConfig()
        self._ip = socket.inet_aton(self.config.ip)
        self._random = Random(f"{seed} link partner")
        self._neighbours: dict[bytes, bytes] = {}
        self._exchanges: dict[tuple[object, ...], Exchange] = {}
        self._next_id = 1
        self.complaints: list[str] = []
        self.arp_answered = self.echo_answered = self.udp_answered = 0
        wire.on_received(self._hear)

    # ------------------------------------------------------------------ asking
    def ask_mac(self, ip: str) -> Exchange:
        """ARP: who has `ip`? The answer is remembered for ping and udp_echo."""
        target = socket.inet_aton(ip)
        request = dpkt.arp.ARP(sha=self.config.mac, spa=self._ip, tha=bytes(6), tpa=target, op=dpkt.arp.ARP_OP_REQUEST)
        self._send(b"\xff" * 6, _ETHER_ARP, bytes(request))
        return self._expect(("arp", target), f"ARP request for {ip}")

    def ping(self, ip: str, data_bytes: int) -> Exchange:
        """One ICMP echo request with `data_bytes` of random data.

        Raises: LookupError when the neighbour's address is not known yet.
        """
        data = self._random.randbytes(data_bytes)
        ident, sequence = self._fresh_id(), 1
        echo = dpkt.icmp.ICMP(type=8, data=dpkt.icmp.ICMP.Echo(id=ident, seq=sequence, data=data))
        self._send_ip(ip, dpkt.ip.IP_PROTO_ICMP, echo)
        return self._expect(("echo", ident, sequence), f"ping {ip} with {data_bytes} bytes", data)

    def udp_echo(self, ip: str, port: int, data_bytes: int) -> Exchange:
        """One datagram that the other side is to send back unchanged.

        Raises: LookupError when the neighbour's address is not known yet.
        """
        data = self._random.randbytes(data_bytes)
        source = 40000 + self._fresh_id() % 20000
        # A zero sum makes dpkt compute the checksum over the pseudo header when the IP packet is packed.
        datagram = dpkt.udp.UDP(sport=source, dport=port, ulen=8 + data_bytes, data=data)
        self._send_ip(ip, dpkt.ip.IP_PROTO_UDP, datagram)
        return self._expect(("udp", source), f"UDP echo {ip}:{port} with {data_bytes} bytes", data)

    def send_raw(self, data: bytes) -> None:
        self._wire.send(Frame(data))

    # ------------------------------------------------------------------ internals
    def _fresh_id(self) -> int:
        self._next_id += 1
        return self._next_id & 0xFFFF

    def _expect(self, key: tuple[object, ...], what: str, data: bytes = b"") -> Exchange:
        exchange = self._exchanges[key] = Exchange(what, _expected=data)
        return exchange

    def _send(self, mac: bytes, ether_type: int, payload: bytes) -> None:
        self._wire.send(Frame(mac + self.config.mac + struct.pack(">H", ether_type) + payload))

    def _send_ip(self, ip: str, protocol: int, payload: dpkt.Packet) -> None:
        address = socket.inet_aton(ip)
        if address not in self._neighbours:
            raise LookupError(f"no MAC address known for {ip}: ask_mac first")
        self._send(self._neighbours[address], _ETHER_IP, self._ip_packet(address, protocol, payload))

    def _ip_packet(self, address: bytes, protocol: int, payload: dpkt.Packet) -> bytes:
        packet = dpkt.ip.IP(src=self._ip, dst=address, p=protocol, ttl=64, id=self._fresh_id(), data=payload)
        packet.len = 20 + len(payload)
        return bytes(packet)

    # ------------------------------------------------------------------ hearing
    def _hear(self, frame: Received) -> None:
        if not frame.good:
            self.complaints.append(f"bad frame at {frame.time_ns} ns")
            return
        data = frame.data
        if len(data) < 14 or (data[:6] != self.config.mac and not data[0] & 1):
            return
        ether_type, source, payload = int.from_bytes(data[12:14], "big"), data[6:12], data[14:]
        try:
            if ether_type == _ETHER_ARP:
                self._hear_arp(source, dpkt.arp.ARP(payload))
            elif ether_type == _ETHER_IP:
                self._hear_ip(source, payload)
        except (dpkt.UnpackError, struct.error) as broken:
            self.complaints.append(f"malformed frame at {frame.time_ns} ns: {broken!r}")

    def _hear_arp(self, source: bytes, arp: dpkt.arp.ARP) -> None:
        if arp.sha != source:
            self.complaints.append(f"ARP from {_mac_text(source)} says it is from {_mac_text(arp.sha)}")
            return
        if arp.op == dpkt.arp.ARP_OP_REQUEST and arp.tpa == self._ip:
            self._neighbours[arp.spa] = arp.sha
            reply = dpkt.arp.ARP(sha=self.config.mac, spa=self._ip, tha=arp.sha, tpa=arp.spa, op=dpkt.arp.ARP_OP_REPLY)
            self._send(arp.sha, _ETHER_ARP, bytes(reply))
            self.arp_answered += 1
        elif arp.op == dpkt.arp.ARP_OP_REPLY:
            exchange = self._exchanges.get(("arp", arp.spa))
            if exchange is None or arp.tha != self.config.mac or arp.tpa != self._ip:
                self.complaints.append(f"unasked ARP reply from {socket.inet_ntoa(arp.spa)}")
                return
            self._neighbours[arp.spa] = arp.sha
            exchange.finish()

    def _hear_ip(self, source: bytes, payload: bytes) -> None:
        header_bytes, total = (payload[0] & 15) * 4, int.from_bytes(payload[2:4], "big")
        if header_bytes < 20 or not header_bytes <= total <= len(payload):
            self.complaints.append(f"IP packet with header {header_bytes}, total {total}, in {len(payload)} bytes")
            return
        if dpkt.in_cksum(payload[:header_bytes]) != 0:
            self.complaints.append("IP header checksum is wrong")
            return
        packet = dpkt.ip.IP(payload[:total])
        if packet.dst != self._ip:
            return
        body = payload[header_bytes:total]
        if packet.p == dpkt.ip.IP_PROTO_ICMP:
            self._hear_icmp(source, packet.src, body)
        elif packet.p == dpkt.ip.IP_PROTO_UDP:
            self._hear_udp(source, packet.src, body)

    def _hear_icmp(self, source: bytes, sender: bytes, body: bytes) -> None:
        if dpkt.in_cksum(body) != 0:
            self.complaints.append("ICMP checksum is wrong")
            return
        kind, code, ident, sequence = body[0], body[1], *struct.unpack(">HH", body[4:8])
        if (kind, code) == (8, 0):
            reply = dpkt.icmp.ICMP(type=0, data=dpkt.icmp.ICMP.Echo(id=ident, seq=sequence, data=body[8:]))
            self._send(source, _ETHER_IP, self._ip_packet(sender, dpkt.ip.IP_PROTO_ICMP, reply))
            self.echo_answered += 1
        elif (kind, code) == (0, 0):
            self._answer(("echo", ident, sequence), body[8:], f"echo reply {ident}/{sequence}")

    def _hear_udp(self, source: bytes, sender: bytes, body: bytes) -> None:
        sport, dport, length, checksum = struct.unpack(">HHHH", body[:8])
        pseudo = sender + self._ip + struct.pack(">BBH", 0, dpkt.ip.IP_PROTO_UDP, len(body))
        if length != len(body) or (checksum and dpkt.in_cksum(pseudo + body) != 0):
            self.complaints.append(f"UDP datagram {sport}->{dport}: length or checksum is wrong")
        elif dport == _UDP_ECHO:
            answer = dpkt.udp.UDP(sport=dport, dport=sport, ulen=length, data=body[8:])
            self._send(source, _ETHER_IP, self._ip_packet(sender, dpkt.ip.IP_PROTO_UDP, answer))
            self.udp_answered += 1
        else:
            self._answer(("udp", dport), body[8:], f"datagram for port {dport}")

    def _answer(self, key: tuple[object, ...], data: bytes, what: str) -> None:
        exchange = self._exchanges.get(key)
        if exchange is None:
            self.complaints.append(f"unasked {what}")
        elif data != exchange._expected:
            exchange.finish(f"{what}: {len(data)} bytes came back that are not the {len(exchange._expected)} sent")
        else:
            exchange.finish()
