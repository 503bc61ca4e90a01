# SPDX-License-Identifier: MIT
"""A kernel that is current for the length of a test, and what a broken rule looks like."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from driver.linux.bug import ContractViolation, Violation
from driver.linux.sched import Kernel
from tests.unit.linux.net.hosts import Net
from tests.unit.pump import machine

Trips = Callable[[str, Callable[[], object]], Violation]


def trip(kernel: Kernel, rule: str, call: Callable[[], object]) -> Violation:
    """`call` breaks `rule` exactly once, and no other rule."""
    with kernel.expecting(rule) as caught:
        try:
            call()
        except ContractViolation as raised:
            assert raised.violation.rule == rule
    assert [violation.rule for violation in caught] == [rule]
    return caught[0]


@pytest.fixture
def kernel() -> Iterator[Kernel]:
    made = machine(memory_bytes=1 << 20).kernel
    with made.entered():
        yield made
    assert made.violations == []


@pytest.fixture
def trips(kernel: Kernel) -> Trips:
    return lambda rule, call: trip(kernel, rule, call)


@pytest.fixture
def net() -> Iterator[Net]:
    """Two hosts, 10.0.0.1 and 10.0.0.2, taken down and looked through for leaks at the end."""
    made = Net()
    yield made
    made.stop()
