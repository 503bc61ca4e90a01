# SPDX-License-Identifier: MIT
"""`nicosim run`, inside the simulator: real traffic both ways, captures, and a clean end."""

from __future__ import annotations

from typing import Any

import cocotb

from driver.linux.inet import ping
from sim.bench import HOST_IP, BenchFailure
from sim.jobs import Spec
from sim.jobs.session import Session, session


async def partner_talks(current: Session, sizes: tuple[int, ...]) -> None:
    """ARP, pings and UDP from the partner, each answered by the host's stack."""
    bench = current.bench
    current.progress.step(f"the partner asks: ARP, ping and UDP of {', '.join(map(str, sizes))} bytes")
    await bench.answered(bench.partner.ask_mac(HOST_IP))
    for size in sizes:
        await bench.answered(bench.partner.ping(HOST_IP, size))
        await bench.answered(bench.partner.udp_echo(HOST_IP, 7, size))


async def host_talks(current: Session, sizes: tuple[int, ...]) -> None:
    """The host pings the partner."""
    bench = current.bench
    current.progress.step(f"the host pings the partner: {', '.join(map(str, sizes))} bytes")
    for size in sizes:
        if await bench.run(ping(bench.partner.config.ip, size)) is None:
            raise BenchFailure([f"the host's ping of {size} bytes was not answered"])


@cocotb.test()
async def run(dut: Any) -> None:
    spec = Spec.from_environment()
    async with session(dut, "run") as current:
        largest = current.bench.device.mtu - 28  # IP and ICMP or UDP headers
        sizes = tuple(size for size in spec.ping_bytes if size <= largest)
        await partner_talks(current, sizes)
        await host_talks(current, sizes)
        for capture in spec.captures:
            await current.replay(capture)
