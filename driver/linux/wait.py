# SPDX-License-Identifier: MIT
"""Wait queues and completions. Every wait may sleep: process context only."""

from __future__ import annotations

from collections.abc import Callable, Generator
from types import coroutine
from typing import Any

from driver.linux.cpu import Task, sleeper
from driver.linux.current import ON

__all__ = [
    "Completion",
    "WaitQueueHead",
    "wait_event",
    "wait_event_timeout",
    "wait_for_completion",
    "wait_for_completion_timeout",
]


class WaitQueueHead:
    """Tasks that wait for something to become true."""

    __slots__ = ("waiting",)

    def __init__(self) -> None:
        self.waiting: list[Task] = []

    def wake_up(self) -> None:
        """Let every waiter look at its condition again."""
        if self.waiting:
            waiting, self.waiting = self.waiting, []
            for task in waiting:
                task.wake()


@coroutine
def _sleep_on(queue: WaitQueueHead, deadline_ns: int | None, what: str) -> Generator[None, Any, bool]:
    """True when woken, False at the deadline."""
    task = sleeper(what)
    queue.waiting.append(task)
    if deadline_ns is not None:
        ON.kernel.arm(task, deadline_ns)
    woken = bool((yield None))
    if task in queue.waiting:  # not so when a wake_up came between the deadline and our turn
        queue.waiting.remove(task)
    return woken


async def wait_event(queue: WaitQueueHead, condition: Callable[[], bool]) -> None:
    """Sleep until `condition()`; it is looked at whenever the queue is woken."""
    while not condition():
        await _sleep_on(queue, None, "wait_event")


async def wait_event_timeout(queue: WaitQueueHead, condition: Callable[[], bool], timeout_ns: int) -> bool:
    """As wait_event; False when the condition does not hold after timeout_ns of simulated time (no time scale)."""
    deadline_ns = ON.kernel.now_ns + timeout_ns
    while not condition():
        if not await _sleep_on(queue, deadline_ns, "wait_event_timeout"):
            return condition()
    return True


class Completion:
    """Something that is done once (complete) or for good (complete_all)."""

    __slots__ = ("done", "queue")

    _FOR_GOOD = 1 << 62

    def __init__(self) -> None:
        self.done = 0
        self.queue = WaitQueueHead()

    def complete(self) -> None:
        self.done += 1
        self.queue.wake_up()

    def complete_all(self) -> None:
        self.done = self._FOR_GOOD
        self.queue.wake_up()

    def reinit(self) -> None:
        self.done = 0

    def is_done(self) -> bool:
        return self.done > 0

    def take(self) -> None:
        if self.done < self._FOR_GOOD:
            self.done -= 1


async def wait_for_completion(completion: Completion) -> None:
    await wait_event(completion.queue, completion.is_done)
    completion.take()


async def wait_for_completion_timeout(completion: Completion, timeout_ns: int) -> bool:
    """False when it was not completed within timeout_ns."""
    if not await wait_event_timeout(completion.queue, completion.is_done, timeout_ns):
        return False
    completion.take()
    return True
