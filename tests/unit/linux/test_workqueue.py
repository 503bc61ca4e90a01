# SPDX-License-Identifier: MIT
"""Work: driver/linux/workqueue.py."""

from __future__ import annotations

import pytest

from driver.linux.bug import ContractViolation
from driver.linux.delay import TICK_NS, ktime_get_ns, msleep
from driver.linux.interrupt import IRQ_HANDLED, request_irq
from driver.linux.sched import in_task
from driver.linux.workqueue import (
    DelayedWork,
    Work,
    cancel_delayed_work,
    cancel_delayed_work_sync,
    cancel_work_sync,
    delayed_work_pending,
    flush_work,
    mod_delayed_work,
    schedule_delayed_work,
    schedule_work,
)
from tests.unit.pump import machine


def test_work_scheduled_in_an_interrupt_runs_in_process_context() -> None:
    pump, seen = machine(), []

    async def func(work: Work) -> None:
        seen.append((work.data, in_task()))
        await msleep(1)
        seen.append(("slept", ktime_get_ns()))

    work = Work(func, "mine")

    def handler(irq: int, dev_id: object) -> int:
        assert schedule_work(work)
        assert not schedule_work(work)
        pump.kernel.irq(16).set_level(False)
        return IRQ_HANDLED

    with pump.kernel.entered():
        request_irq(16, handler, 0, "card")
    pump.irq(16, True)
    pump.advance(5_000_000)
    assert seen == [("mine", True), ("slept", 1_000_000)]


def test_work_scheduled_while_it_runs_runs_again_afterwards_and_never_beside_itself() -> None:
    pump, running, most, runs = machine(), 0, 0, 0

    async def func(work: Work) -> None:
        nonlocal running, most, runs
        running += 1
        most, runs = max(most, running), runs + 1
        await msleep(2)
        running -= 1

    work = Work(func)

    async def task() -> None:
        schedule_work(work)
        await msleep(1)
        assert schedule_work(work)
        assert not schedule_work(work)
        await flush_work(work)

    pump.run(task())
    assert (runs, most, running) == (2, 1, 0)


def test_work_that_sleeps_does_not_hold_up_other_work() -> None:
    pump, order = machine(), []

    async def slow(work: Work) -> None:
        await msleep(5)
        order.append("slow")

    with pump.kernel.entered():
        schedule_work(Work(slow))
        schedule_work(Work(lambda work: order.append("quick")))
    pump.advance(10_000_000)
    assert order == ["quick", "slow"]


def test_cancel_work_sync_keeps_pending_work_from_running() -> None:
    pump, ran = machine(), []
    work = Work(ran.append)

    async def task() -> tuple[bool, bool]:
        schedule_work(work)
        return await cancel_work_sync(work), await cancel_work_sync(work)

    assert pump.run(task()) == (True, False)
    pump.advance(1_000_000)
    assert ran == []


def test_cancel_work_sync_waits_for_running_work() -> None:
    pump = machine()

    async def func(work: Work) -> None:
        await msleep(3)

    async def task() -> tuple[bool, int]:
        work = Work(func)
        schedule_work(work)
        await msleep(1)
        return await cancel_work_sync(work), ktime_get_ns()

    assert pump.run(task()) == (False, 3_000_000)


def test_delayed_work_runs_after_its_delay() -> None:
    pump, times = machine(), []
    work = DelayedWork(lambda _: times.append(ktime_get_ns()))

    async def task() -> None:
        assert schedule_delayed_work(work, 10)
        assert not schedule_delayed_work(work, 1)
        assert not schedule_work(work)
        assert delayed_work_pending(work)
        await msleep(100)
        assert schedule_delayed_work(work, 0)
        await msleep(1)

    pump.run(task())
    assert times == [3 * TICK_NS, 100_000_000]


def test_mod_delayed_work_counts_from_now() -> None:
    pump, times = machine(), []
    work = DelayedWork(lambda _: times.append(ktime_get_ns()))

    async def task() -> None:
        assert not mod_delayed_work(work, 8)
        assert mod_delayed_work(work, 80)
        await msleep(200)

    pump.run(task())
    assert times == [80_000_000]


def test_cancelled_delayed_work_does_not_run() -> None:
    pump, ran = machine(), []
    work = DelayedWork(ran.append)

    async def task() -> None:
        schedule_delayed_work(work, 8)
        assert cancel_delayed_work(work)
        schedule_delayed_work(work, 8)
        assert await cancel_delayed_work_sync(work)
        assert not await cancel_delayed_work_sync(work)
        await msleep(100)

    pump.run(task())
    assert ran == []


def test_cancel_delayed_work_sync_stops_work_that_reschedules_itself() -> None:
    pump, runs = machine(), []

    async def func(work: Work) -> None:
        runs.append(ktime_get_ns())
        await msleep(5)
        assert isinstance(work, DelayedWork)
        schedule_delayed_work(work, 8)

    async def task() -> None:
        work = DelayedWork(func)
        schedule_delayed_work(work, 4)
        await msleep(6)
        await cancel_delayed_work_sync(work)
        assert not delayed_work_pending(work)
        await msleep(100)

    pump.run(task())
    assert runs == [4_000_000]


def test_rule_work_deadlock() -> None:
    pump = machine()

    async def func(work: Work) -> None:
        await cancel_work_sync(work)

    with pump.kernel.entered():
        schedule_work(Work(func))
    with pytest.raises(ContractViolation, match="work-deadlock"):
        pump.advance(10)
