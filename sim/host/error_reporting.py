# SPDX-License-Identifier: MIT
"""The card's side-band for failed DMA as the error messages of a PCIe function (HostConfig.error_reporting)."""

from __future__ import annotations

from typing import Any

from cocotb.triggers import RisingEdge

from sim.host.machine import Machine

__all__ = ["report_dma_errors"]


async def report_dma_errors(dut: Any, machine: Machine) -> None:
    """One non-fatal error for each run of failures that follow each other cycle by cycle. Sleeps between them."""
    while True:
        await RisingEdge(dut.dma_err_valid_o)
        machine.report_error()
