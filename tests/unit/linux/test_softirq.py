# SPDX-License-Identifier: MIT
"""Softirqs and ksoftirqd: driver/linux/softirq.py."""

from __future__ import annotations

import pytest

from driver.linux.bug import ContractViolation
from driver.linux.delay import ktime_get_ns, msleep, udelay
from driver.linux.interrupt import IRQ_HANDLED, request_irq
from driver.linux.io import IoMem, readl
from driver.linux.sched import charge, local_irq_disable, this_cpu
from driver.linux.softirq import (
    HI_SOFTIRQ,
    MAX_SOFTIRQ_RESTART,
    MAX_SOFTIRQ_TIME_NS,
    NET_RX_SOFTIRQ,
    NET_TX_SOFTIRQ,
    local_bh_disable,
    local_bh_enable,
    open_softirq,
    raise_softirq,
)
from driver.linux.spinlock import SpinLock
from tests.unit.pump import FakeFunction, Pump, machine

IRQ = 16


def interrupt_raises(pump: Pump, nr: int) -> None:
    """Interrupt IRQ, once, raises a softirq."""

    def handler(irq: int, dev_id: object) -> int:
        raise_softirq(nr)
        pump.kernel.irq(IRQ).set_level(False)
        return IRQ_HANDLED

    with pump.kernel.entered():
        request_irq(IRQ, handler, 0, "card")


def test_softirqs_run_at_interrupt_exit_in_order_of_their_number() -> None:
    pump, order = machine(), []

    def handler(irq: int, dev_id: object) -> int:
        for nr in (NET_RX_SOFTIRQ, HI_SOFTIRQ, NET_TX_SOFTIRQ):
            raise_softirq(nr)
        order.append("irq")
        pump.kernel.irq(IRQ).set_level(False)
        return IRQ_HANDLED

    with pump.kernel.entered():
        for nr in (HI_SOFTIRQ, NET_TX_SOFTIRQ, NET_RX_SOFTIRQ):
            open_softirq(nr, lambda nr=nr: order.append(nr))  # type: ignore[misc]
        request_irq(IRQ, handler, 0, "card")
    pump.irq(IRQ, True)
    pump.advance(10)
    assert order == ["irq", HI_SOFTIRQ, NET_TX_SOFTIRQ, NET_RX_SOFTIRQ]


def test_bottom_halves_wait_until_they_are_enabled() -> None:
    pump, order = machine(FakeFunction()), []

    async def task() -> None:
        local_bh_disable()
        local_bh_disable()
        await readl(IoMem(0, 0, 0x1000, "registers"), 0)
        local_bh_enable()
        await udelay(1)
        order.append("disabled")
        local_bh_enable()
        await udelay(1)
        order.append("enabled")

    with pump.kernel.entered():
        open_softirq(NET_RX_SOFTIRQ, lambda: order.append("softirq"))
    interrupt_raises(pump, NET_RX_SOFTIRQ)
    pump.irq(IRQ, True, after_ns=100)
    pump.run(task())
    assert order == ["disabled", "softirq", "enabled"]


def test_what_local_bh_enable_releases_runs_before_the_next_read_is_issued() -> None:
    function = FakeFunction()
    pump = machine(function)
    window = IoMem(0, 0, 0x1000, "registers")

    async def action() -> None:
        await readl(window, 0x100)

    async def task() -> None:
        open_softirq(NET_RX_SOFTIRQ, action)
        local_bh_disable()
        raise_softirq(NET_RX_SOFTIRQ)
        local_bh_enable()
        await readl(window, 0x200)

    pump.run(task())
    assert [request.offset for _, request in pump.host.log] == [0x100, 0x200]


def test_raised_in_process_context_ksoftirqd_runs_it() -> None:
    pump, ran_in = machine(), []

    async def task() -> None:
        open_softirq(NET_RX_SOFTIRQ, lambda: ran_in.append(this_cpu().process()))
        raise_softirq(NET_RX_SOFTIRQ)
        await msleep(1)

    pump.run(task())
    assert [process.name for process in ran_in] == ["ksoftirqd/0"]


def test_after_ten_passes_ksoftirqd_takes_over() -> None:
    pump, ran_in = machine(), []

    def action() -> None:
        ran_in.append(this_cpu().process() is not None)
        if len(ran_in) < 25:
            raise_softirq(NET_RX_SOFTIRQ)

    with pump.kernel.entered():
        open_softirq(NET_RX_SOFTIRQ, action)
    interrupt_raises(pump, NET_RX_SOFTIRQ)
    pump.irq(IRQ, True)
    pump.advance(10)
    assert ran_in == [False] * MAX_SOFTIRQ_RESTART + [True] * 15


def test_after_two_milliseconds_ksoftirqd_takes_over() -> None:
    pump, ran_in = machine(time_scale=1000), []

    async def action() -> None:
        ran_in.append(this_cpu().process() is not None)
        if len(ran_in) < 5:
            raise_softirq(NET_RX_SOFTIRQ)
        await charge(MAX_SOFTIRQ_TIME_NS // 2)

    with pump.kernel.entered():
        open_softirq(NET_RX_SOFTIRQ, action)
    interrupt_raises(pump, NET_RX_SOFTIRQ)
    pump.irq(IRQ, True)
    pump.advance(10 * MAX_SOFTIRQ_TIME_NS)
    assert ran_in == [False, False, True, True, True]


def test_a_task_that_waits_for_an_idle_cpu_ends_the_loop_after_one_pass() -> None:
    pump, order = machine(), []

    def action() -> None:
        order.append("softirq")
        if order.count("softirq") == 1:
            pump.kernel.run(task())
        if order.count("softirq") < 4:
            raise_softirq(NET_RX_SOFTIRQ)

    async def task() -> None:
        order.append("task")

    with pump.kernel.entered():
        open_softirq(NET_RX_SOFTIRQ, action)
    interrupt_raises(pump, NET_RX_SOFTIRQ)
    pump.irq(IRQ, True)
    pump.advance(10)
    assert order == ["softirq", "task", "softirq", "softirq", "softirq"]


@pytest.mark.parametrize(
    ("before_us", "order_then"),
    [(1, ["softirq"] * 4 + ["busy", "other"]), (4_000, ["softirq", "busy", "other"] + ["softirq"] * 3)],
)
def test_an_interrupted_task_is_asked_to_give_way_after_its_time_slice(before_us: int, order_then: list[str]) -> None:
    pump, order = machine(), []

    def action() -> None:
        order.append("softirq")
        if order.count("softirq") < 4:
            raise_softirq(NET_RX_SOFTIRQ)

    async def busy() -> None:
        await udelay(before_us + 10)
        order.append("busy")

    async def other() -> None:
        order.append("other")

    with pump.kernel.entered():
        open_softirq(NET_RX_SOFTIRQ, action)
    interrupt_raises(pump, NET_RX_SOFTIRQ)
    pump.kernel.run(busy())
    pump.kernel.run(other())
    pump.irq(IRQ, True, after_ns=before_us * 1_000)
    pump.advance(10_000_000)
    assert order == order_then


def test_an_interrupt_leaves_softirqs_to_a_ksoftirqd_that_is_due_to_run() -> None:
    pump, order = machine(), []

    async def task() -> None:
        open_softirq(NET_TX_SOFTIRQ, lambda: order.append("softirq"))
        raise_softirq(NET_TX_SOFTIRQ)
        await udelay(10)
        order.append("task")

    with pump.kernel.entered():
        open_softirq(NET_RX_SOFTIRQ, lambda: None)
    interrupt_raises(pump, NET_RX_SOFTIRQ)
    pump.irq(IRQ, True, after_ns=1_000)
    pump.run(task())
    pump.advance(1)
    assert pump.kernel.irq_count(IRQ) == 1
    assert order == ["task", "softirq"]


def test_ksoftirqd_takes_turns_with_other_tasks() -> None:
    pump, order = machine(), []

    async def action() -> None:
        order.append("s")
        await udelay(10)
        if order.count("s") < 30:
            raise_softirq(NET_RX_SOFTIRQ)

    async def task() -> None:
        raise_softirq(NET_RX_SOFTIRQ)
        for _ in range(3):
            await msleep(0)
            order.append(ktime_get_ns())

    with pump.kernel.entered():
        open_softirq(NET_RX_SOFTIRQ, action)
    pump.run(task())
    assert order.count("s") < 30
    pump.advance(1_000_000)
    assert order.count("s") == 30


def test_rule_bh_enable_without_disable() -> None:
    with machine().kernel.entered(), pytest.raises(ContractViolation, match=r"bh-enable.*not disabled"):
        local_bh_enable()


def test_rule_bh_enable_with_interrupts_off() -> None:
    with machine().kernel.entered(), pytest.raises(ContractViolation, match=r"bh-enable.*interrupts off"):
        local_bh_disable()
        local_irq_disable()
        local_bh_enable()


def test_rule_softirq_action() -> None:
    pump = machine()
    interrupt_raises(pump, NET_TX_SOFTIRQ)
    pump.irq(IRQ, True)
    with pytest.raises(ContractViolation, match="softirq-action"):
        pump.advance(10)


def test_an_action_that_ends_with_a_lock_held_is_a_violation() -> None:
    pump = machine()

    def action() -> None:
        SpinLock("forgotten").lock()

    with pump.kernel.entered():
        open_softirq(NET_RX_SOFTIRQ, action)
    interrupt_raises(pump, NET_RX_SOFTIRQ)
    pump.irq(IRQ, True)
    with pytest.raises(ContractViolation, match=r"atomic-leak: softirq 3.*forgotten"):
        pump.advance(10)
