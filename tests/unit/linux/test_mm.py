# SPDX-License-Identifier: MIT
"""The allocator: driver/linux/mm.py."""

from __future__ import annotations

import random
from collections.abc import Callable
from itertools import pairwise

import pytest

from driver.linux.bug import ContractViolation
from driver.linux.mm import GFP_KERNEL, POISON_FREE, Buffer, kfree, kmalloc, kzalloc
from driver.linux.spinlock import SpinLock
from tests.unit.pump import Pump, machine


def make(size: int) -> Buffer:
    buffer = kmalloc(size)
    assert buffer is not None
    return buffer


def host_bytes(pump: Pump, addr: int, size: int) -> bytes:
    start = addr - pump.host.memory_base
    return bytes(pump.host.memory[start : start + size])


def test_a_buffer_is_the_hosts_memory_at_its_address() -> None:
    pump = machine()
    with pump.kernel.entered():
        buffer = make(100)
        buffer.view[:] = bytes(range(100))
        assert buffer.addr >= 1 << 32
        assert host_bytes(pump, buffer.addr, 100) == bytes(range(100))
        assert len(buffer.view) == buffer.size == 100


@pytest.mark.parametrize("size", [1, 32, 33, 64, 65, 96, 97, 1500, 2048, 3000, 9500, 65536, 65537, 131072, 300_000])
def test_buffers_of_every_size_are_aligned_and_apart(size: int) -> None:
    pump = machine()
    with pump.kernel.entered():
        buffers = [make(size) for _ in range(5)]
        addresses = sorted(buffer.addr for buffer in buffers)
        assert all(b - a >= size for a, b in pairwise(addresses))
        assert all(address % (64 if size > 32 else 32) == 0 for address in addresses)
        assert [pump.kernel.mm.find(buffer.addr + size - 1) for buffer in buffers] == buffers
        for buffer in buffers:
            kfree(buffer)
        assert pump.kernel.mm.in_use_bytes == 0
        assert {make(size).addr for _ in range(5)} == set(addresses)


def test_random_allocations_keep_their_contents() -> None:
    pump, rng, held = machine(), random.Random(7), []
    with pump.kernel.entered():
        for number in range(3000):
            if held and rng.random() < 0.48:
                buffer, pattern = held.pop(rng.randrange(len(held)))
                assert bytes(buffer.view) == pattern
                kfree(buffer)
            else:
                buffer = make(rng.choice((20, 64, 200, 1600, 2048, 9300)) + rng.randrange(9))
                pattern = bytes([number & 0xFF]) * buffer.size
                buffer.view[:] = pattern
                held.append((buffer, pattern))
        assert len(pump.kernel.mm.live()) == len(held) > 50


def test_fresh_and_freed_memory_is_poisoned() -> None:
    pump = machine()
    with pump.kernel.entered():
        buffer = make(100)
        assert bytes(buffer.view) == bytes([POISON_FREE]) * 100
        buffer.view[:] = bytes(100)
        kfree(buffer)
        assert host_bytes(pump, buffer.addr, 100) == bytes([POISON_FREE]) * 100
        zeroed = kzalloc(100)
        assert zeroed is not None
        assert zeroed.addr == buffer.addr
        assert bytes(zeroed.view) == bytes(100)


def test_memory_used_up_gives_none_and_freeing_helps() -> None:
    pump = machine(memory_bytes=1 << 20)
    with pump.kernel.entered():
        held = []
        while (buffer := kmalloc(60_000)) is not None:
            held.append(buffer)
        assert len(held) > 4
        kfree(held.pop())
        assert kmalloc(60_000) is not None


def test_fail_after_and_fail_if_inject_failures() -> None:
    pump = machine()
    with pump.kernel.entered():
        pump.kernel.mm.fail_after(2)
        assert [kmalloc(10) is None for _ in range(4)] == [False, False, True, True]
        pump.kernel.mm.fail_after(None)
        assert kmalloc(10) is not None
        pump.kernel.mm.fail_if(lambda size: size > 1000)
        assert kmalloc(1001) is None
        assert kzalloc(1001) is None
        assert kmalloc(1000) is not None
        pump.kernel.mm.fail_if(None)
        assert kmalloc(1001) is not None


def test_fail_only_lets_one_allocation_fail() -> None:
    pump = machine()
    with pump.kernel.entered():
        pump.kernel.mm.fail_only(2)
        assert [kmalloc(10) is None for _ in range(5)] == [False, False, True, False, False]
        pump.kernel.mm.fail_only(0)
        pump.kernel.mm.fail_only(None)
        assert kmalloc(10) is not None


def test_live_names_what_was_not_freed_and_where_it_was_made() -> None:
    pump = machine()
    with pump.kernel.entered():
        assert pump.kernel.mm.live() == []
        kfree(make(10))
        kept = make(20)
    assert pump.kernel.mm.live() == [kept]
    assert "test_mm.py" in repr(kept)
    assert "(make)" in repr(kept)


def test_find_knows_live_buffers_only() -> None:
    pump = machine()
    with pump.kernel.entered():
        buffer = make(100)
        mm = pump.kernel.mm
        assert mm.find(buffer.addr) is mm.find(buffer.addr + 99) is buffer
        assert mm.find(buffer.addr + 100) is None
        assert mm.find(buffer.addr - 1) is None
        assert mm.find(0) is None
        assert mm.find(pump.host.memory_base + len(pump.host.memory)) is None
        kfree(buffer)
        assert mm.find(buffer.addr) is None


def test_kfree_of_none_is_allowed() -> None:
    with machine().kernel.entered():
        kfree(None)


def _double_free() -> None:
    buffer = make(10)
    kfree(buffer)
    kfree(buffer)


def _use_after_free() -> None:
    buffer = make(10)
    kfree(buffer)
    buffer.view[0] = 1


def _free_while_mapped() -> None:
    buffer = make(10)
    buffer.mappings += 1
    kfree(buffer)


def _gfp_kernel_with_a_lock() -> None:
    with SpinLock():
        kmalloc(10, GFP_KERNEL)


@pytest.mark.parametrize(
    ("broken", "rule"),
    [
        (_double_free, "double-free"),
        (_use_after_free, "use-after-free"),
        (_free_while_mapped, "free-while-mapped"),
        (_gfp_kernel_with_a_lock, "sleep-in-atomic"),
    ],
)
def test_rules(broken: Callable[[], None], rule: str) -> None:
    with machine().kernel.entered(), pytest.raises(ContractViolation, match=f"{rule}:.*"):
        broken()


def test_use_after_free_says_where_it_was_made_and_freed() -> None:
    with machine().kernel.entered(), pytest.raises(ContractViolation, match=r"\(make\).*\(_use_after_free\)"):
        _use_after_free()


@pytest.mark.parametrize("offset", [0, 50, 99, 127])
def test_rule_write_after_free_is_found_at_the_next_allocation(offset: int) -> None:
    pump = machine()
    with pump.kernel.entered():
        buffer = make(100)
        kfree(buffer)
        pump.host.memory[buffer.addr - pump.host.memory_base + offset] = 0
        with pytest.raises(ContractViolation, match=f"write-after-free.*offset {offset} "):
            make(100)


def test_a_view_kept_over_kfree_is_dead() -> None:
    with machine().kernel.entered():
        buffer = make(10)
        view = buffer.view
        kfree(buffer)
        with pytest.raises(ValueError, match="released"):
            view[0] = 1


def test_alignment_is_that_of_physical_addresses() -> None:
    with machine(memory_base=0x1_0000_0010).kernel.entered():
        buffers = [make(size) for size in (64, 2048, 200_000)]
        assert [buffer.addr % 64 for buffer in buffers] == [0, 0, 0]
