# SPDX-License-Identifier: MIT
"""A schedule drawn from the seed: it varies, it repeats, and it finds what first come, first served hides."""

from __future__ import annotations

import pytest

from driver.linux.delay import msecs_to_jiffies
from driver.linux.mutex import Mutex
from driver.linux.sched import Kernel, cond_resched
from driver.linux.schedule import sleep_until
from driver.linux.timer import TimerList, jiffies, mod_timer
from tests.unit.pump import FakeHost

SEEDS = range(20)


class Account:
    """Read, think, write: two processes that do it need the lock. Each works alone unless the other runs in between."""

    def __init__(self, locked: bool) -> None:
        self.balance = 0
        self.lock = Mutex() if locked else None

    async def deposit(self) -> None:
        if self.lock is None:
            await self._unlocked()
        else:
            async with self.lock:
                await self._unlocked()

    async def _unlocked(self) -> None:
        seen = self.balance
        await cond_resched()
        self.balance = seen + 1


def balance_after_two(schedule: str, seed: int, *, locked: bool = False) -> int:
    """The second process starts when the first has been given two turns: first come, first served never mixes them."""
    kernel = Kernel(FakeHost(), seed=seed, schedule=schedule)
    account = Account(locked)

    async def late() -> None:
        for _ in range(2):
            await cond_resched()
        await account.deposit()

    kernel.run(account.deposit(), "early")
    kernel.run(late(), "late")
    kernel.step(0)
    kernel.close()
    return account.balance


def order_of(seed: int, schedule: str = "random") -> list[str]:
    """In which three tasks, three sleepers and three timers of the same instant, and two CPUs, have their turn."""
    kernel = Kernel(FakeHost(), cpus=2, seed=seed, schedule=schedule)
    order: list[str] = []

    async def task(name: str) -> None:
        order.append(name)
        await sleep_until(1000)
        order.append(f"{name} slept")

    for name in ("a0", "b0", "c0"):
        kernel.run(task(name))
    kernel.run(task("a1"), cpu=1)
    with kernel.entered():
        for name in ("x", "y", "z"):
            mod_timer(TimerList(order.append, name), jiffies() + msecs_to_jiffies(4))
    kernel.step(0)
    kernel.step(1000)
    due = kernel.deadline_ns
    assert due is not None
    kernel.step(due)
    kernel.close()
    return order


def test_a_missing_lock_is_hidden_by_first_come_first_served() -> None:
    assert balance_after_two("fifo", 0) == 2


def test_a_missing_lock_is_found_within_a_few_seeds_and_repeats() -> None:
    found = [seed for seed in SEEDS if balance_after_two("random", seed) == 1]
    assert found
    assert all(balance_after_two("random", found[0]) == 1 for _ in range(5))


def test_with_the_lock_no_seed_finds_anything() -> None:
    assert {balance_after_two("random", seed, locked=True) for seed in SEEDS} == {2}


def test_a_seed_is_an_order() -> None:
    assert all(order_of(seed) == order_of(seed) for seed in SEEDS)


@pytest.mark.parametrize(
    ("who", "count"), [(("a0", "b0", "c0"), 6), (("a0", "a1"), 2), (("x", "y", "z"), 6), (("a0 slept", "b0 slept"), 2)]
)
def test_every_order_comes_up(who: tuple[str, ...], count: int) -> None:
    orders = {tuple(name for name in order_of(seed) if name in who) for seed in range(60)}
    assert len(orders) == count


def test_first_come_first_served_knows_no_seed() -> None:
    assert {tuple(order_of(seed, "fifo")) for seed in SEEDS} == {tuple(order_of(0, "fifo"))}


def test_nobody_is_lost() -> None:
    assert all(sorted(order_of(seed)) == sorted(order_of(0, "fifo")) for seed in SEEDS)


def test_an_unknown_schedule_is_refused() -> None:
    with pytest.raises(ValueError, match="none of fifo, random"):
        Kernel(FakeHost(), schedule="lottery")
