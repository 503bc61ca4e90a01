# SPDX-License-Identifier: MIT
"""Interrupts and NAPI (Linux: the interrupt part of netdev.c).

CTRL_EXT.IAME with IAM all ones makes the read of ICR in the handler mask every cause at once; the poll that ends
its work unmasks them. So there is one poll at a time, and the handler writes no register.
"""

from __future__ import annotations

from driver.e1000e.adapter import ITR_MODES, Adapter
from driver.e1000e.hw import e1e_flush, er32, ew32
from driver.e1000e.itr import e1000_set_itr
from driver.e1000e.regs import ALL_ONES, ICR, ICS, IMC, IMS
from driver.e1000e.rx import e1000_clean_rx_irq
from driver.e1000e.tx import e1000_clean_tx_irq
from driver.linux.delay import jiffies
from driver.linux.interrupt import (
    IRQ_HANDLED,
    IRQ_NONE,
    IRQF_SHARED,
    disable_irq_nosync,
    enable_irq,
    free_irq,
    request_irq,
    synchronize_irq,
)
from driver.linux.napi import NapiStruct, __napi_schedule, napi_complete_done, napi_schedule_prep
from driver.linux.printk import dev_err
from driver.linux.timer import mod_timer

__all__ = [
    "IMS_ENABLE_MASK",
    "e1000_free_irq",
    "e1000_intr",
    "e1000_irq_disable",
    "e1000_irq_enable",
    "e1000_request_irq",
    "e1000e_force_rx_poll",
    "e1000e_poll",
    "e1000e_quieten",
    "e1000e_trigger_lsc",
]

IMS_ENABLE_MASK = IMS.RXT0 | IMS.TXDW | IMS.RXDMT0 | IMS.LSC


async def e1000_intr(irq: int, adapter: Adapter) -> int:
    """INTx handler. The line is shared: only INT_ASSERTED says that it was this card that pulled it."""
    icr = await er32(adapter.hw, ICR)
    if adapter.hw.gone:
        return e1000e_quieten(adapter)
    if adapter.down or not icr & ICR.INT_ASSERTED:
        # Without INT_ASSERTED nothing was masked either, so there is nothing to undo.
        return IRQ_NONE
    if icr & ICR.LSC:
        adapter.hw.mac.get_link_status = True
        mod_timer(adapter.watchdog_timer, jiffies() + 1)
    if napi_schedule_prep(adapter.napi):
        adapter.total_tx_bytes = adapter.total_tx_packets = 0
        adapter.total_rx_bytes = adapter.total_rx_packets = 0
        __napi_schedule(adapter.napi)
    return IRQ_HANDLED


def e1000e_quieten(adapter: Adapter) -> int:
    """A card that does not answer cannot be told to let go of its line either: the line is switched off instead, once,
    and until the handler is freed. A neighbour on the line has to wait for that."""
    if not adapter.irq_disabled:
        adapter.irq_disabled = True
        disable_irq_nosync(adapter.pdev.irq)
    return IRQ_HANDLED


def e1000e_poll(napi: NapiStruct, budget: int) -> int:
    """Clean both rings; when that was all, ask for interrupts again."""
    adapter: Adapter = napi.dev.priv
    e1000_clean_tx_irq(adapter.tx_ring)
    work_done = e1000_clean_rx_irq(adapter.rx_ring, budget)
    if work_done == budget:
        return budget
    if napi_complete_done(napi, work_done):
        if adapter.itr_setting in ITR_MODES:
            e1000_set_itr(adapter)
        if not adapter.down:
            e1000_irq_enable(adapter)
    return work_done


def e1000_irq_enable(adapter: Adapter) -> None:
    ew32(adapter.hw, IMS, IMS_ENABLE_MASK)


async def e1000_irq_disable(adapter: Adapter) -> None:
    """Mask everything and wait until no handler runs."""
    ew32(adapter.hw, IMC, ALL_ONES)
    await e1e_flush(adapter.hw)
    await synchronize_irq(adapter.pdev.irq)


def e1000_request_irq(adapter: Adapter) -> int:
    error = request_irq(adapter.pdev.irq, e1000_intr, IRQF_SHARED, adapter.netdev.name, adapter)
    if error:
        dev_err(adapter.netdev, "irq %d cannot be had: error %d", adapter.pdev.irq, error)
    return error


async def e1000_free_irq(adapter: Adapter) -> None:
    """Leave the line. The card is masked already, but for a neighbour's interrupt the handler may run all the same."""
    irq = adapter.pdev.irq
    await synchronize_irq(irq)
    if adapter.irq_disabled:
        adapter.irq_disabled = False
        enable_irq(irq)
    free_irq(irq, adapter)


def e1000e_trigger_lsc(adapter: Adapter) -> None:
    """Let the card raise a link interrupt, so that the watchdog looks at the link at once."""
    ew32(adapter.hw, ICS, ICS.LSC)


def e1000e_force_rx_poll(adapter: Adapter) -> None:
    """Let the card raise a receive interrupt, whatever the state of the ring."""
    ew32(adapter.hw, ICS, ICS.RXDMT0)
