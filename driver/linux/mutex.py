# SPDX-License-Identifier: MIT
"""Mutexes: `async with mutex:`, process context only, first come first served."""

from __future__ import annotations

from collections import deque

from driver.linux.bug import fatal_violation, warn_violation
from driver.linux.cpu import Task, might_sleep
from driver.linux.current import ON
from driver.linux.schedule import block

__all__ = ["Mutex"]


class Mutex:
    """Rules: mutex-deadlock (the owner takes it again), mutex-unlock (only the owner gives it back)."""

    __slots__ = ("name", "owner", "waiting")

    def __init__(self, name: str = "mutex") -> None:
        self.name = name
        self.owner: Task | None = None
        self.waiting: deque[Task] = deque()

    def is_locked(self) -> bool:
        return self.owner is not None

    async def lock(self) -> None:
        might_sleep("mutex_lock")
        task = ON.cpu.process()
        if task is None or task is self.owner:
            why = "its owner takes it again" if task else "taken outside a task"
            raise fatal_violation("mutex-deadlock", self, why)
        if self.owner is None:
            self.owner = task
        else:
            self.waiting.append(task)
            await block("mutex_lock")  # unlock makes the one it wakes the owner

    def unlock(self) -> None:
        task = ON.cpu.process()
        if self.owner is None or task is not self.owner:
            name = task.name if task else "nobody"
            warn_violation("mutex-unlock", self, f"given back by {name}, who does not own it")
        self.owner = self.waiting.popleft() if self.waiting else None
        if self.owner is not None:
            self.owner.wake()

    async def __aenter__(self) -> Mutex:
        await self.lock()
        return self

    async def __aexit__(self, *_: object) -> None:
        self.unlock()
