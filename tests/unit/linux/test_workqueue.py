# SPDX-License-Identifier: MIT
"""Work: driver/linux/workqueue.py."""

from __future__ import annotations

import pytest

from driver.linux.bug import ContractViolation
from driver.linux.delay import TICK_NS, ktime_get_ns, msleep, usleep_range
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


@pytest.mark.parametrize("delayed", [False, True])
def test_cancelling_ends_work_that_always_schedules_itself(delayed: bool) -> None:
    pump, runs, refused = machine(), [], []

    async def func(work: Work) -> None:
        runs.append(ktime_get_ns())
        await msleep(1)
        again = schedule_delayed_work(work, 0) if isinstance(work, DelayedWork) else schedule_work(work)
        refused.append(not again)

    async def task() -> int:
        work = DelayedWork(func) if delayed else Work(func)
        schedule_work(work)
        await usleep_range(5500, 5500)
        if isinstance(work, DelayedWork):
            await cancel_delayed_work_sync(work)
        else:
            await cancel_work_sync(work)
        ended = ktime_get_ns()
        await msleep(10)
        assert schedule_work(work)  # only while it is being cancelled can it not be scheduled
        assert cancel_delayed_work(work) if isinstance(work, DelayedWork) else await cancel_work_sync(work)
        return ended

    assert pump.run(task()) == 6_000_000
    assert len(runs) == 6 and refused == [False] * 5 + [True]


@pytest.mark.parametrize(("wait_us", "runs"), [(0, 1), (500, 1)])
def test_flush_work_does_not_wait_for_what_is_scheduled_later(wait_us: int, runs: int) -> None:
    pump, seen = machine(), []

    async def func(work: Work) -> None:
        await msleep(1)
        seen.append(ktime_get_ns())
        if len(seen) < 100:
            schedule_work(work)

    async def task() -> int:
        work = Work(func)
        schedule_work(work)
        await usleep_range(wait_us, wait_us)
        await flush_work(work)
        return len(seen)

    assert pump.run(task()) == runs


def test_flush_work_waits_for_what_is_pending_behind_what_runs() -> None:
    pump, seen = machine(), []

    async def func(work: Work) -> None:
        await msleep(2)
        seen.append(ktime_get_ns())
        schedule_work(work)

    async def task() -> int:
        work = Work(func)
        schedule_work(work)
        await msleep(1)
        schedule_work(work)
        await flush_work(work)
        ended = len(seen)
        await cancel_work_sync(work)
        return ended

    assert pump.run(task()) == 2


def test_rule_work_deadlock() -> None:
    pump = machine()

    async def func(work: Work) -> None:
        await cancel_work_sync(work)

    with pump.kernel.entered():
        schedule_work(Work(func))
    with pytest.raises(ContractViolation, match="work-deadlock"):
        pump.advance(10)
