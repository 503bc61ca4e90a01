# SPDX-License-Identifier: MIT
"""Work that runs in process context. One that sleeps does not hold up the others; one never runs beside itself."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from driver.linux.bug import fatal_violation
from driver.linux.cpu import Task, might_sleep
from driver.linux.current import ON
from driver.linux.delay import msecs_to_jiffies
from driver.linux.timer import TimerList, del_timer, jiffies, mod_timer
from driver.linux.wait import WaitQueueHead, wait_event

__all__ = [
    "DelayedWork",
    "Work",
    "cancel_delayed_work",
    "cancel_delayed_work_sync",
    "cancel_work_sync",
    "delayed_work_pending",
    "flush_work",
    "mod_delayed_work",
    "schedule_delayed_work",
    "schedule_work",
    "work_pending",
]

WorkFunction = Callable[["Work"], Coroutine[Any, Any, None] | None]


class Work:
    """Calls func(work), plain or a coroutine function. data: for whoever owns it (container_of)."""

    __slots__ = ("cancelling", "data", "func", "idle", "pending", "running", "runs", "worker")

    def __init__(self, func: WorkFunction, data: Any = None) -> None:
        self.func = func
        self.data = data
        self.pending = False
        self.running = False
        self.runs = 0  # that have ended
        self.cancelling = 0  # cancel_work_sync calls under way: nobody schedules it meanwhile
        self.worker: Task | None = None
        self.idle = WaitQueueHead()  # woken at the end of every run

    @property
    def name(self) -> str:
        return f"work {getattr(self.func, '__qualname__', self.func)}"


class DelayedWork(Work):
    """Work that a timer schedules."""

    __slots__ = ("timer",)

    def __init__(self, func: WorkFunction, data: Any = None) -> None:
        super().__init__(func, data)
        self.timer = TimerList(_queue_expired, self)


def _queue_expired(work: Work) -> None:
    _queue(work)


def _queue(work: Work) -> None:
    work.pending = True
    if work.worker is None:
        cpu = ON.cpu
        work.worker = cpu.kernel.kthread(_process(work), "kworker", cpu.index)


async def _process(work: Work) -> None:
    """The worker: runs the work as often as it is scheduled meanwhile."""
    while work.pending:
        work.pending, work.running = False, True
        answer = work.func(work)
        if answer is not None:
            await answer
        work.running = False
        work.runs += 1
        work.idle.wake_up()
    work.worker = None
    work.idle.wake_up()


def schedule_work(work: Work) -> bool:
    """Run it soon; False when it is pending already, or being cancelled. From any context."""
    if work.cancelling or work.pending or (isinstance(work, DelayedWork) and delayed_work_pending(work)):
        return False
    _queue(work)
    return True


def _timer_ticks(delay_ms: int) -> int:
    return jiffies() + msecs_to_jiffies(delay_ms)


def schedule_delayed_work(work: DelayedWork, delay_ms: int) -> bool:
    """Run it in delay_ms (driver's time scale); False when it is pending already, or being cancelled."""
    if work.cancelling or delayed_work_pending(work):
        return False
    if delay_ms <= 0:
        _queue(work)
    else:
        mod_timer(work.timer, _timer_ticks(delay_ms))
    return True


def mod_delayed_work(work: DelayedWork, delay_ms: int) -> bool:
    """As schedule_delayed_work, but the delay counts from now; True when it was pending."""
    was_pending = cancel_delayed_work(work)
    schedule_delayed_work(work, delay_ms)
    return was_pending


def work_pending(work: Work) -> bool:
    return work.pending


def delayed_work_pending(work: DelayedWork) -> bool:
    return work.pending or work.timer.armed != 0 or work.timer.due


def cancel_delayed_work(work: DelayedWork) -> bool:
    """Do not run it again; one that runs is not waited for. True when it was pending."""
    was_pending = del_timer(work.timer) or work.pending
    work.pending = False
    return was_pending


async def flush_work(work: Work) -> None:
    """Wait for what is scheduled now; not for a DelayedWork's timer, nor for what is scheduled meanwhile.

    Rule work-deadlock: not from the work itself.
    """
    might_sleep("flush_work")
    _not_from_itself(work)
    last = work.runs + work.running + work.pending
    await wait_event(work.idle, lambda: work.worker is None or work.runs >= last)


def _not_from_itself(work: Work) -> None:
    if work.worker is not None and work.worker is ON.cpu.process():
        raise fatal_violation("work-deadlock", work, "it waits for itself")


async def _end(work: Work) -> None:
    """It is not pending any more: wait for it if it runs, and keep it from being scheduled until then."""
    _not_from_itself(work)
    work.cancelling += 1
    try:
        await wait_event(work.idle, lambda: work.worker is None)
    finally:
        work.cancelling -= 1


async def cancel_work_sync(work: Work) -> bool:
    """Do not run it again, and wait for it if it runs. True when it was pending."""
    might_sleep("cancel_work_sync")
    was_pending, work.pending = work.pending, False
    await _end(work)
    return was_pending


async def cancel_delayed_work_sync(work: DelayedWork) -> bool:
    """As cancel_work_sync, its timer too."""
    might_sleep("cancel_delayed_work_sync")
    was_pending = cancel_delayed_work(work)
    await _end(work)
    return was_pending
