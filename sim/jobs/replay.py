# SPDX-License-Identifier: MIT
"""`nicosim replay`, inside the simulator: captures, frame by frame, at the card."""

from __future__ import annotations

from typing import Any

import cocotb

from sim.bench import BenchFailure
from sim.jobs import Spec
from sim.jobs.session import session


@cocotb.test()
async def replay(dut: Any) -> None:
    spec = Spec.from_environment()
    async with session(dut, "replay") as current:
        sent = 0
        for capture in spec.captures:
            sent += await current.replay(capture)
        if not sent:
            raise BenchFailure(["no frame of the capture could be sent"])
