# SPDX-License-Identifier: MIT
"""Spinlocks: `with lock:`, `with lock.bh():`, `with lock.irqsave():`.

A holder may wait for a register but not sleep. While it waits no other CPU runs: each would spin, or might as well.
So a lock is only ever found taken by the CPU that holds it, and that is a deadlock.
"""

from __future__ import annotations

from driver.linux.bug import Where, fatal_violation, here, warn_violation
from driver.linux.cpu import BH_DISABLE_OFFSET, HARDIRQ_MASK, PREEMPT_OFFSET, SOFTIRQ_MASK, SOFTIRQ_OFFSET, Cpu
from driver.linux.current import ON
from driver.linux.softirq import local_bh_enable

__all__ = ["SpinLock"]

# In which contexts a lock was ever taken, and with what still enabled: one of each pair is a deadlock to come.
_IN_HARDIRQ = 1
_IRQS_ON = 2
_IN_SOFTIRQ = 4
_BH_ON = 8


class _Guard:
    """What `with lock.bh()` and `with lock.irqsave()` hold."""

    __slots__ = ("irqs", "lock")

    def __init__(self, lock: SpinLock, irqs: bool) -> None:
        self.lock = lock
        self.irqs = irqs

    def __enter__(self) -> SpinLock:
        cpu = ON.cpu
        if self.irqs:
            cpu.irqs_off += 1
        else:
            cpu.preempt_count += BH_DISABLE_OFFSET
        self.lock.lock()
        return self.lock

    def __exit__(self, *_: object) -> None:
        cpu = self.lock.owner
        self.lock.unlock()
        if cpu is None:
            return
        if self.irqs:
            cpu.irqs_off -= 1
        else:
            local_bh_enable()


class SpinLock:
    """Rules: lock-deadlock, lock-unlock, lock-irq-unsafe, lock-bh-unsafe (used in an interrupt and, elsewhere, with
    that interrupt enabled: told at the second of the two uses, as lockdep does, without waiting for the accident)."""

    __slots__ = ("_bh", "_irqsave", "_uses", "name", "owner", "where")

    def __init__(self, name: str = "lock") -> None:
        self.name = name
        self.owner: Cpu | None = None
        self.where: Where = here()
        self._uses = 0
        self._bh = _Guard(self, irqs=False)
        self._irqsave = _Guard(self, irqs=True)

    def bh(self) -> _Guard:
        """Taken with bottom halves disabled."""
        return self._bh

    def irqsave(self) -> _Guard:
        """Taken with interrupts disabled."""
        return self._irqsave

    def lock(self) -> None:
        cpu = ON.cpu
        if self.owner is not None:
            taker = cpu.ctx.name if cpu.ctx else "entered()"
            raise fatal_violation("lock-deadlock", self, f"{taker} takes a lock that its own CPU holds", self.where)
        self.owner = cpu
        cpu.preempt_count += PREEMPT_OFFSET
        cpu.exclusive += 1
        cpu.held.append(self)
        count = cpu.preempt_count
        if count & HARDIRQ_MASK:
            use = _IN_HARDIRQ
        else:
            use = 0 if cpu.irqs_off else _IRQS_ON
            if count & SOFTIRQ_OFFSET:
                use |= _IN_SOFTIRQ
            elif not (count & SOFTIRQ_MASK or cpu.irqs_off):
                use |= _BH_ON
        if use & ~self._uses:
            self._new_use(use)

    def _new_use(self, use: int) -> None:
        self._uses |= use
        if self._uses & (_IN_HARDIRQ | _IRQS_ON) == _IN_HARDIRQ | _IRQS_ON:
            warn_violation(
                "lock-irq-unsafe", self, "taken in a hard interrupt, and elsewhere with interrupts enabled", self.where
            )
        if self._uses & (_IN_SOFTIRQ | _BH_ON) == _IN_SOFTIRQ | _BH_ON:
            warn_violation(
                "lock-bh-unsafe", self, "taken in a softirq, and elsewhere with bottom halves enabled", self.where
            )

    def trylock(self) -> bool:
        if self.owner is not None:
            return False
        self.lock()
        return True

    def unlock(self) -> None:
        cpu = self.owner
        if cpu is None:
            warn_violation("lock-unlock", self, "unlocked, but nobody holds it", self.where)
            return
        self.owner = None
        cpu.preempt_count -= PREEMPT_OFFSET
        cpu.exclusive -= 1
        cpu.held.remove(self)

    def is_locked(self) -> bool:
        return self.owner is not None

    def __enter__(self) -> SpinLock:
        self.lock()
        return self

    def __exit__(self, *_: object) -> None:
        self.unlock()
