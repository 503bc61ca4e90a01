# SPDX-License-Identifier: MIT
"""Wait queues, completions, mutexes: driver/linux/wait.py, mutex.py."""

from __future__ import annotations

import pytest

from driver.linux.bug import ContractViolation
from driver.linux.delay import ktime_get_ns, msleep
from driver.linux.mutex import Mutex
from driver.linux.sched import block, busy_until, sleep_until
from driver.linux.spinlock import SpinLock
from driver.linux.wait import (
    Completion,
    WaitQueueHead,
    wait_event,
    wait_event_timeout,
    wait_for_completion,
    wait_for_completion_timeout,
)
from tests.unit.pump import machine


def test_wait_event_returns_when_the_condition_holds_and_not_before() -> None:
    pump, queue, flags = machine(), WaitQueueHead(), []

    async def waiter() -> int:
        await wait_event(queue, lambda: len(flags) == 2)
        return ktime_get_ns()

    async def waker() -> None:
        for _ in range(3):
            await msleep(1)
            flags.append(1)
            queue.wake_up()

    pump.kernel.run(waker())
    assert pump.run(waiter()) == 2_000_000


def test_wait_event_does_not_sleep_when_the_condition_holds() -> None:
    assert machine().run(wait_event_timeout(WaitQueueHead(), lambda: True, 1)) is True


def test_wait_event_timeout_gives_up_in_time_and_leaves_the_queue() -> None:
    pump, queue = machine(time_scale=10), WaitQueueHead()

    async def waiter() -> tuple[bool, int]:
        return await wait_event_timeout(queue, lambda: False, 5_000), ktime_get_ns()

    assert pump.run(waiter()) == (False, 5_000)
    assert queue.waiting == []


def test_a_timeout_that_was_not_needed_does_not_disturb_the_next_sleep() -> None:
    pump, queue, flag = machine(), WaitQueueHead(), []

    async def waiter() -> int:
        assert await wait_event_timeout(queue, lambda: bool(flag), 2_000_000)
        await msleep(10)
        return ktime_get_ns()

    async def waker() -> None:
        await msleep(1)
        flag.append(1)
        queue.wake_up()

    pump.kernel.run(waker())
    assert pump.run(waiter()) == 11_000_000


def test_completion_lets_one_waiter_through_each() -> None:
    pump, completion, through = machine(), Completion(), []

    async def waiter(name: str) -> None:
        await wait_for_completion(completion)
        through.append(name)

    for name in "abc":
        pump.kernel.run(waiter(name))
    pump.advance(10)
    completion.complete()
    completion.complete()
    pump.advance(10)
    assert through == ["a", "b"]
    completion.complete_all()
    pump.advance(10)
    assert through == ["a", "b", "c"]
    assert completion.is_done()
    completion.reinit()
    assert not completion.is_done()


def test_wait_for_completion_timeout() -> None:
    pump, completion = machine(), Completion()
    assert pump.run(wait_for_completion_timeout(completion, 1_000)) is False
    completion.complete()
    assert pump.run(wait_for_completion_timeout(completion, 1_000)) is True
    assert not completion.is_done()


def test_mutex_is_given_in_order() -> None:
    pump, mutex, order = machine(), Mutex(), []

    async def task(name: str) -> None:
        async with mutex:
            order.append(name)
            await msleep(1)
            order.append(name)

    for name in "abc":
        pump.kernel.run(task(name))
    pump.advance(10_000_000)
    assert order == list("aabbcc")
    assert not mutex.is_locked()


async def _mutex_twice() -> None:
    mutex = Mutex()
    await mutex.lock()
    await mutex.lock()


async def _mutex_not_mine() -> None:
    Mutex().unlock()


async def _mutex_in_atomic() -> None:
    with SpinLock():
        await Mutex().lock()


async def _wait_in_atomic() -> None:
    with SpinLock():
        await wait_event(WaitQueueHead(), lambda: False)


@pytest.mark.parametrize(
    ("broken", "rule"),
    [
        (_mutex_twice, "mutex-deadlock"),
        (_mutex_not_mine, "mutex-unlock"),
        (_mutex_in_atomic, "sleep-in-atomic"),
        (_wait_in_atomic, "sleep-in-atomic"),
    ],
)
def test_rules(broken: object, rule: str) -> None:
    with pytest.raises(ContractViolation, match=rule):
        machine().run(broken())  # type: ignore[operator]


def test_a_timeout_that_was_not_needed_does_not_wake_an_endless_wait() -> None:
    pump, queue, flag = machine(), WaitQueueHead(), []

    async def waiter() -> object:
        assert await wait_event_timeout(queue, lambda: bool(flag), 2_000_000)
        return await block()

    async def waker() -> None:
        await msleep(1)
        flag.append(1)
        queue.wake_up()
        await msleep(10)
        task.wake("late")

    task = pump.kernel.run(waiter())
    pump.run(waker())
    pump.advance(1)
    assert task.result() == "late"


@pytest.mark.parametrize("holds", [True, False])
def test_a_wake_up_between_the_deadline_and_the_waiters_turn(holds: bool) -> None:
    pump, queue, flag = machine(), WaitQueueHead(), []

    async def waiter() -> bool:
        return await wait_event_timeout(queue, lambda: bool(flag), 1_000)

    async def keeps_the_cpu() -> None:
        await sleep_until(900)
        await busy_until(5_000)
        if holds:
            flag.append(1)
        queue.wake_up()

    pump.kernel.run(keeps_the_cpu())
    assert pump.run(waiter()) is holds
    assert queue.waiting == []
