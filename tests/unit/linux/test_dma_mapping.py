# SPDX-License-Identifier: MIT
"""The DMA API and the IOMMU: driver/linux/dma_mapping.py."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from driver.linux.bug import ContractViolation
from driver.linux.dma_mapping import (
    DMA_BIDIRECTIONAL,
    DMA_FROM_DEVICE,
    DMA_MAPPING_ERROR,
    DMA_TO_DEVICE,
    POISON_MAPPED,
    QUARANTINE,
    dma_alloc_coherent,
    dma_free_coherent,
    dma_map_single,
    dma_mapping_error,
    dma_set_mask_and_coherent,
    dma_sync_single_for_cpu,
    dma_sync_single_for_device,
    dma_unmap_single,
)
from driver.linux.errno import EIO
from driver.linux.mm import POISON_FREE, Buffer, kfree, kmalloc
from tests.unit.pump import Pump, machine

ALL_BITS = (1 << 64) - 1


@dataclass
class Card:
    name: str = "card"
    dma_mask: int = ALL_BITS


CARD = Card()


@pytest.fixture
def pump() -> Iterator[Pump]:
    made = machine(dma_slots=128)
    with made.kernel.entered():
        yield made


def make(size: int = 2048) -> Buffer:
    buffer = kmalloc(size)
    assert buffer is not None
    return buffer


def mapped(direction: int, buffer: Buffer | None = None, size: int = 2048) -> int:
    iova = dma_map_single(CARD, buffer or make(size), size, direction)
    assert not dma_mapping_error(CARD, iova)
    return iova


def table_entry(pump: Pump, iova: int) -> tuple[int, ...]:
    """The table as a bus model reads it: by driver/host.py's description alone."""
    table = pump.kernel.dma_table
    slot = (iova - table.iova_base) >> 17
    at = table.address - pump.host.memory_base + 32 * slot
    return struct.unpack("<4Q", pump.host.memory[at : at + 32])


@pytest.mark.parametrize(
    ("direction", "code"), [(DMA_TO_DEVICE, 1), (DMA_FROM_DEVICE, 2), (DMA_BIDIRECTIONAL, 3)]
)
def test_the_table_in_host_memory_describes_the_mapping(pump: Pump, direction: int, code: int) -> None:
    buffer = make()
    iova = dma_map_single(CARD, buffer.addr + 66, 1000, direction)
    assert not dma_mapping_error(CARD, iova)
    physical, length, may, first = table_entry(pump, iova)
    assert (physical, length, may) == (buffer.addr + 66, 1000, code)
    assert (iova - pump.kernel.dma_table.iova_base) % (1 << 17) == physical % 4096
    dma_unmap_single(CARD, iova, 1000, direction)
    assert table_entry(pump, iova)[2] == 0
    assert first == 1


@pytest.mark.parametrize("by_address", [False, True])
def test_a_part_of_a_buffer_is_mapped_by_its_offset(pump: Pump, by_address: bool) -> None:
    buffer = make()
    iova = dma_map_single(CARD, buffer.addr if by_address else buffer, 1000, DMA_FROM_DEVICE, 66)
    assert not dma_mapping_error(CARD, iova)
    assert table_entry(pump, iova)[:2] == (buffer.addr + 66, 1000)
    dma_unmap_single(CARD, iova, 1000, DMA_FROM_DEVICE)
    assert bytes(buffer.view[60:70]) == bytes([POISON_FREE] * 6 + [POISON_MAPPED] * 4)


def test_generation_changes_when_a_slot_is_used_again(pump: Pump) -> None:
    buffer, seen = make(), {}
    for _ in range(300):
        iova = mapped(DMA_TO_DEVICE, buffer)
        seen.setdefault(iova, []).append(table_entry(pump, iova)[3])
        dma_unmap_single(CARD, iova, 2048, DMA_TO_DEVICE)
    assert len(seen) == 128
    assert all(generations == sorted(set(generations)) for generations in seen.values())


def test_iovas_lie_above_four_gibibytes_and_are_no_physical_addresses(pump: Pump) -> None:
    iova = mapped(DMA_TO_DEVICE)
    assert iova >> 32
    assert pump.kernel.mm.find(iova) is None


def test_iova_base_is_configurable() -> None:
    pump = machine(iova_base=0x8000_0000, dma_slots=128)
    with pump.kernel.entered():
        assert mapped(DMA_TO_DEVICE) >> 17 == 0x8000_0000 >> 17


def test_translate_gives_the_physical_address_inside_a_mapping(pump: Pump) -> None:
    buffer = make()
    iova, translate = mapped(DMA_TO_DEVICE, buffer), pump.kernel.dma_table.translate
    assert translate(iova, 2048, False) == buffer.addr
    assert translate(iova + 100, 64, False) == buffer.addr + 100
    assert not pump.kernel.violations


@pytest.mark.parametrize(
    ("size", "offset", "nbytes", "is_write", "good"),
    [
        (60, 0, 64, False, True),  # the last beat runs over the end
        (60, 48, 16, False, True),
        (60, 0, 80, False, False),  # a whole beat too many
        (64, 0, 65, False, False),
        (64, 64, 16, False, False),
        (60, 0, 64, True, False),  # writes have strobes
        (60, 0, 60, True, True),
        (60, 59, 1, True, True),
        (60, 60, 1, True, False),
    ],
)
def test_only_a_reads_last_beat_may_run_over_the_end(
    pump: Pump, size: int, offset: int, nbytes: int, is_write: bool, good: bool
) -> None:
    iova = mapped(DMA_BIDIRECTIONAL, size=size)
    with pump.kernel.expecting("dma-fault") as faults:
        translated = pump.kernel.dma_table.translate(iova + offset, nbytes, is_write)
    assert (translated is not None) == good
    assert len(faults) == (not good)


@pytest.mark.parametrize(
    ("direction", "offset", "is_write", "message"),
    [
        (DMA_TO_DEVICE, 0, True, "against its direction"),
        (DMA_FROM_DEVICE, 0, False, "against its direction"),
        (DMA_TO_DEVICE, 2040, False, "runs over its end"),
        (DMA_TO_DEVICE, 4096, False, "outside this buffer"),
        (DMA_TO_DEVICE, 1 << 17, False, "never mapped"),
        (DMA_TO_DEVICE, -(1 << 40), False, "outside the IOMMU's window"),
    ],
)
def test_rule_dma_fault_names_what_was_missed(
    pump: Pump, direction: int, offset: int, is_write: bool, message: str
) -> None:
    iova = mapped(direction)
    with pump.kernel.expecting("dma-fault") as faults:
        assert pump.kernel.dma_table.translate(iova + offset, 64, is_write) is None
    assert message in faults[0].message
    if abs(offset) < 1 << 17:
        assert "card dma" in faults[0].object
        assert "(mapped)" in faults[0].where_made


def test_rule_dma_fault_in_an_unmapped_buffer_names_it(pump: Pump) -> None:
    iova = mapped(DMA_TO_DEVICE)
    dma_unmap_single(CARD, iova, 2048, DMA_TO_DEVICE)
    with pump.kernel.expecting("dma-fault") as faults:
        assert pump.kernel.dma_table.translate(iova, 64, False) is None
    assert "was unmapped" in faults[0].message
    assert "(mapped)" in faults[0].where_made


def test_a_fault_panics_in_the_next_step_and_not_in_the_bus_model() -> None:
    pump = machine()
    assert pump.kernel.dma_table.translate(0x1234, 4, True) is None
    assert [violation.rule for violation in pump.kernel.violations] == ["dma-fault"]
    with pytest.raises(ContractViolation, match="dma-fault"):
        pump.kernel.step(0)


def test_a_freed_slot_is_quarantined(pump: Pump) -> None:
    iova = mapped(DMA_TO_DEVICE)
    dma_unmap_single(CARD, iova, 2048, DMA_TO_DEVICE)
    buffer, others = make(), 0
    while mapped(DMA_TO_DEVICE, buffer) >> 17 != iova >> 17:
        dma_unmap_single(CARD, pump.kernel.dma_table.live()[0].iova, 2048, DMA_TO_DEVICE)
        others += 1
    assert others == 127


def test_mapping_fails_when_only_quarantined_slots_are_left(pump: Pump) -> None:
    buffer = make()
    iovas = [dma_map_single(CARD, buffer, 64, DMA_TO_DEVICE) for _ in range(128 - QUARANTINE)]
    assert DMA_MAPPING_ERROR not in iovas
    assert dma_mapping_error(CARD, dma_map_single(CARD, buffer, 64, DMA_TO_DEVICE))
    assert dma_alloc_coherent(CARD, 64) is None
    assert len(pump.kernel.mm.live()) == 1


def test_mapping_fails_where_a_test_wants_it_to(pump: Pump) -> None:
    table, buffer = pump.kernel.dma_table, make()
    table.fail_if(lambda size, direction: size == 64 and direction == DMA_TO_DEVICE)
    assert dma_mapping_error(CARD, dma_map_single(CARD, buffer, 64, DMA_TO_DEVICE))
    assert dma_map_single(CARD, buffer, 65, DMA_TO_DEVICE) != DMA_MAPPING_ERROR
    table.fail_if(None)
    assert dma_map_single(CARD, buffer, 64, DMA_TO_DEVICE) != DMA_MAPPING_ERROR
    assert len(table.live()) == 2


def test_a_device_reaches_what_its_mask_says(pump: Pump) -> None:
    card = Card(dma_mask=(1 << 32) - 1)
    assert dma_map_single(card, make(), 64, DMA_TO_DEVICE) == DMA_MAPPING_ERROR
    assert dma_set_mask_and_coherent(card, (1 << 32) - 1) == -EIO
    assert dma_set_mask_and_coherent(card, ALL_BITS) == 0
    assert dma_map_single(card, make(), 64, DMA_TO_DEVICE) != DMA_MAPPING_ERROR


def test_from_device_memory_is_poisoned_and_no_more_than_that(pump: Pump) -> None:
    buffer = make(100)
    buffer.view[:] = bytes(100)
    dma_map_single(CARD, buffer.addr + 10, 50, DMA_FROM_DEVICE)
    assert bytes(buffer.view) == bytes(10) + bytes([POISON_MAPPED]) * 50 + bytes(40)


@pytest.mark.parametrize("direction", [DMA_TO_DEVICE, DMA_BIDIRECTIONAL])
def test_memory_that_the_device_reads_is_left_as_it_is(pump: Pump, direction: int) -> None:
    buffer = make(100)
    buffer.view[:] = bytes(range(100))
    mapped(direction, buffer, 100)
    assert bytes(buffer.view) == bytes(range(100))


def test_a_buffer_knows_whether_the_device_owns_it(pump: Pump) -> None:
    buffer = make()
    iova = mapped(DMA_FROM_DEVICE, buffer)
    assert buffer.mapped == 1
    dma_sync_single_for_cpu(CARD, iova, 2048, DMA_FROM_DEVICE)
    assert buffer.mapped == 0
    dma_sync_single_for_device(CARD, iova, 2048, DMA_FROM_DEVICE)
    assert buffer.mapped == 1
    dma_sync_single_for_cpu(CARD, iova, 2048, DMA_FROM_DEVICE)
    dma_unmap_single(CARD, iova, 2048, DMA_FROM_DEVICE)
    assert buffer.mapped == 0
    kfree(buffer)


@pytest.mark.parametrize(
    ("direction", "lent"), [(DMA_FROM_DEVICE, 0), (DMA_BIDIRECTIONAL, 1), (DMA_TO_DEVICE, 1)]
)
def test_what_is_lent_to_the_cpu_the_card_must_not_write(pump: Pump, direction: int, lent: int) -> None:
    buffer = make()
    table = pump.kernel.dma_table
    iova = mapped(direction, buffer)
    entry = table_entry(pump, iova)
    dma_sync_single_for_cpu(CARD, iova, 2048, direction)
    assert table_entry(pump, iova) == (*entry[:2], lent, entry[3])
    with pump.kernel.expecting("dma-fault") as faults:
        assert table.translate(iova, 64, True) is None
        assert (table.translate(iova, 64, False) is not None) == bool(lent)
    assert len(faults) == 2 - lent
    assert direction == DMA_TO_DEVICE or "the CPU owns" in faults[0].message
    dma_sync_single_for_device(CARD, iova, 2048, direction)
    assert table_entry(pump, iova) == entry
    if direction != DMA_TO_DEVICE:
        assert table.translate(iova, 64, True) == buffer.addr


def test_a_mapping_that_is_lent_to_the_cpu_is_a_mapping(pump: Pump) -> None:
    buffer = make()
    iova = mapped(DMA_FROM_DEVICE, buffer)
    dma_sync_single_for_cpu(CARD, iova, 2048, DMA_FROM_DEVICE)
    with pump.kernel.expecting("dma-map") as caught:
        again = mapped(DMA_TO_DEVICE, buffer)
    assert len(caught) == 1
    dma_unmap_single(CARD, again, 2048, DMA_TO_DEVICE)
    with pump.kernel.expecting("free-while-mapped") as caught:
        kfree(buffer)
    assert len(caught) == 1


def test_what_is_unmapped_may_be_mapped_in_any_direction_and_freed(pump: Pump) -> None:
    buffer = make()
    for direction in (DMA_FROM_DEVICE, DMA_BIDIRECTIONAL, DMA_TO_DEVICE, DMA_FROM_DEVICE):
        dma_unmap_single(CARD, mapped(direction, buffer), 2048, direction)
    kfree(buffer)


def test_two_full_rings_fit_in_the_table() -> None:
    pump = machine(memory_bytes=16 << 20)
    with pump.kernel.entered():
        buffers = [make(100) for _ in range(2 * 4096)]
        assert [b for b in buffers if dma_map_single(CARD, b, 100, DMA_TO_DEVICE) == DMA_MAPPING_ERROR] == []


def test_a_mapping_costs_the_same_however_many_there_are() -> None:
    pump = machine(memory_bytes=16 << 20)
    table = pump.kernel.dma_table
    table.live = None  # type: ignore[method-assign, assignment]  # whoever looks through all of them fails
    with pump.kernel.entered():
        buffer = make()
        iovas = [mapped(DMA_TO_DEVICE, buffer) for _ in range(2)]
        for iova in iovas:
            dma_unmap_single(CARD, iova, 2048, DMA_TO_DEVICE)


def test_a_buffer_may_be_read_through_two_mappings(pump: Pump) -> None:
    buffer = make()
    iovas = [mapped(DMA_TO_DEVICE, buffer) for _ in range(2)]
    assert buffer.mapped == 2
    for iova in iovas:
        dma_unmap_single(CARD, iova, 2048, DMA_TO_DEVICE)
    assert buffer.mapped == 0


def test_coherent_memory_is_zeroed_aligned_shared_and_freed(pump: Pump) -> None:
    got = dma_alloc_coherent(CARD, 16 * 1024)
    assert got is not None
    view, iova = got
    assert bytes(view) == bytes(16 * 1024)
    assert iova % 4096 == 0
    translate = pump.kernel.dma_table.translate
    physical = translate(iova + 16, 16, True)
    assert physical == translate(iova + 16, 16, False)
    assert physical is not None
    view[16] = 0xAB
    assert pump.host.memory[physical - pump.host.memory_base] == 0xAB
    dma_free_coherent(CARD, 16 * 1024, view, iova)
    assert pump.kernel.dma_table.live() == []
    assert pump.kernel.mm.live() == []


def test_coherent_memory_fails_as_memory_does(pump: Pump) -> None:
    pump.kernel.mm.fail_after(0)
    assert dma_alloc_coherent(CARD, 4096) is None


def test_live_is_the_leak_report(pump: Pump) -> None:
    other = Card("other")
    mapped(DMA_TO_DEVICE)
    dma_map_single(other, make(), 64, DMA_TO_DEVICE)
    (left,) = pump.kernel.dma_table.live(CARD)
    assert left.device is CARD
    assert len(pump.kernel.dma_table.live()) == 2


def _map_freed() -> None:
    buffer = make()
    kfree(buffer)
    dma_map_single(CARD, buffer, 64, DMA_TO_DEVICE)


def _map_nothing() -> None:
    dma_map_single(CARD, 0x1000, 64, DMA_TO_DEVICE)


def _map_too_much() -> None:
    dma_map_single(CARD, make(100).addr + 50, 51, DMA_TO_DEVICE)


def _map_zero_bytes() -> None:
    dma_map_single(CARD, make(), 0, DMA_TO_DEVICE)


def _map_twice_for_writing() -> None:
    buffer = make()
    mapped(DMA_TO_DEVICE, buffer)
    mapped(DMA_FROM_DEVICE, buffer)


def _map_for_reading_what_is_written() -> None:
    buffer = make()
    mapped(DMA_FROM_DEVICE, buffer)
    mapped(DMA_TO_DEVICE, buffer)


def _unmap_other_size() -> None:
    dma_unmap_single(CARD, mapped(DMA_TO_DEVICE), 2047, DMA_TO_DEVICE)


def _unmap_other_direction() -> None:
    dma_unmap_single(CARD, mapped(DMA_TO_DEVICE), 2048, DMA_FROM_DEVICE)


def _unmap_other_device() -> None:
    dma_unmap_single(Card("other"), mapped(DMA_TO_DEVICE), 2048, DMA_TO_DEVICE)


def _unmap_other_address() -> None:
    dma_unmap_single(CARD, mapped(DMA_TO_DEVICE) + 2, 2048, DMA_TO_DEVICE)


def _unmap_twice() -> None:
    iova = mapped(DMA_TO_DEVICE)
    for _ in range(2):
        dma_unmap_single(CARD, iova, 2048, DMA_TO_DEVICE)


def _unmap_never_mapped() -> None:
    dma_unmap_single(CARD, 0x1000, 64, DMA_TO_DEVICE)


def _unmap_coherent() -> None:
    got = dma_alloc_coherent(CARD, 64)
    assert got is not None
    dma_unmap_single(CARD, got[1], 64, DMA_BIDIRECTIONAL)


def _free_coherent_as_something_else() -> None:
    got = dma_alloc_coherent(CARD, 64)
    assert got is not None
    dma_free_coherent(CARD, 65, *got)


def _free_coherent_that_is_not() -> None:
    dma_free_coherent(CARD, 2048, memoryview(b""), mapped(DMA_TO_DEVICE))


def _unmap_without_asking() -> None:
    iova = dma_map_single(CARD, make(), 64, DMA_TO_DEVICE)
    dma_unmap_single(CARD, iova, 64, DMA_TO_DEVICE)


def _sync_twice() -> None:
    iova = mapped(DMA_FROM_DEVICE)
    for _ in range(2):
        dma_sync_single_for_cpu(CARD, iova, 2048, DMA_FROM_DEVICE)


def _sync_for_the_device_that_owns_it() -> None:
    dma_sync_single_for_device(CARD, mapped(DMA_FROM_DEVICE), 2048, DMA_FROM_DEVICE)


def _sync_other_direction() -> None:
    dma_sync_single_for_cpu(CARD, mapped(DMA_FROM_DEVICE), 2048, DMA_TO_DEVICE)


def _sync_too_much() -> None:
    dma_sync_single_for_cpu(CARD, mapped(DMA_FROM_DEVICE), 2049, DMA_FROM_DEVICE)


def _sync_unmapped() -> None:
    dma_sync_single_for_cpu(CARD, 0x1000, 64, DMA_FROM_DEVICE)


def _free_mapped() -> None:
    buffer = make()
    mapped(DMA_TO_DEVICE, buffer)
    kfree(buffer)


@pytest.mark.parametrize(
    ("broken", "rule"),
    [
        (_map_freed, "dma-map"),
        (_map_nothing, "dma-map"),
        (_map_too_much, "dma-map"),
        (_map_zero_bytes, "dma-map"),
        (_map_twice_for_writing, "dma-map"),
        (_map_for_reading_what_is_written, "dma-map"),
        (_unmap_other_size, "dma-unmap"),
        (_unmap_other_direction, "dma-unmap"),
        (_unmap_other_device, "dma-unmap"),
        (_unmap_other_address, "dma-unmap"),
        (_unmap_twice, "dma-unmap"),
        (_unmap_never_mapped, "dma-unmap"),
        (_unmap_coherent, "dma-unmap"),
        (_free_coherent_as_something_else, "dma-unmap"),
        (_free_coherent_that_is_not, "dma-unmap"),
        (_unmap_without_asking, "dma-error-unchecked"),
        (_sync_twice, "dma-sync"),
        (_sync_for_the_device_that_owns_it, "dma-sync"),
        (_sync_other_direction, "dma-sync"),
        (_sync_too_much, "dma-sync"),
        (_sync_unmapped, "dma-sync"),
        (_free_mapped, "free-while-mapped"),
    ],
)
def test_rules(pump: Pump, broken: Callable[[], None], rule: str) -> None:
    with pytest.raises(ContractViolation, match=f"{rule}:"):
        broken()


def test_what_does_not_fit_in_a_slot_is_not_mapped(pump: Pump) -> None:
    assert dma_alloc_coherent(CARD, (1 << 17) + 1) is None
    assert pump.kernel.mm.live() == []
    buffer = make(1 << 17)
    assert dma_map_single(CARD, buffer.addr + 64, (1 << 17) - 64, DMA_TO_DEVICE) != DMA_MAPPING_ERROR
    fits = dma_alloc_coherent(CARD, 1 << 17)
    assert fits is not None
    last = pump.kernel.dma_table.translate(fits[1] + (1 << 17) - 1, 1, True)
    assert last is not None


def test_rule_dma_fault_before_the_start_of_a_buffer(pump: Pump) -> None:
    buffer = make()
    iova = dma_map_single(CARD, buffer.addr + 66, 1000, DMA_TO_DEVICE)
    with pump.kernel.expecting("dma-fault") as faults:
        assert pump.kernel.dma_table.translate(iova - 1, 16, False) is None
    assert "outside this buffer" in faults[0].message
