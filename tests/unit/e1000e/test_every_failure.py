# SPDX-License-Identifier: MIT
"""Everything that probe and open ask the kernel for is refused once, each in its turn; and the card
goes at any moment."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from driver.e1000e import irq, main
from driver.e1000e.adapter import e1000_desc_unused
from driver.e1000e.ethtool import e1000_get_regs
from driver.e1000e.selftest import e1000_diag_test
from driver.linux import errno
from driver.linux.dma_mapping import DMA_MAPPING_ERROR
from driver.linux.ethtool import dev_ethtool
from driver.linux.net.state import net_state
from driver.linux.netdevice import dev_close, dev_get_stats, dev_mc_add, dev_open, dev_set_mtu, netif_device_present
from tests.unit.e1000e.bench import Bench, frame_of

SMALL_RINGS = {"TxDescriptors": 64, "RxDescriptors": 64}
ERRNOS = {-value for name, value in vars(errno).items() if name.startswith("E") and isinstance(value, int)}


class Refusals:
    """Counts what is asked for, and refuses number `refused`: allocations, mappings, PCI resources, the line."""

    def __init__(self, bench: Bench, monkeypatch: pytest.MonkeyPatch, refused: int) -> None:
        self.asked = 0
        self.refused = refused
        self.what = ""
        mm, table = bench.kernel.mm, bench.kernel.dma_table
        for owner, name, answer in (
            (mm, "alloc", None),
            (table, "map", DMA_MAPPING_ERROR),
            (table, "insert", DMA_MAPPING_ERROR),
            (irq, "request_irq", -errno.EBUSY),
            (main, "pci_enable_device", -errno.EIO),
            (main, "pci_request_regions", -errno.EBUSY),
            (main, "pci_iomap", None),
            (main, "dma_set_mask_and_coherent", -errno.EIO),
            (main, "register_netdev", -errno.EEXIST),
        ):
            real = getattr(owner, name)
            wrap = self._later if name in ("pci_enable_device", "register_netdev") else self._now
            monkeypatch.setattr(owner, name, wrap(name, real, answer))

    def _refuse(self, name: str) -> bool:
        self.asked += 1
        if self.asked - 1 != self.refused:
            return False
        self.what = name
        return True

    def _now(self, name: str, real: Callable[..., Any], answer: Any) -> Callable[..., Any]:
        return lambda *args, **kwargs: answer if self._refuse(name) else real(*args, **kwargs)

    def _later(self, name: str, real: Callable[..., Any], answer: Any) -> Callable[..., Any]:
        async def asked(*args: Any) -> Any:
            return answer if self._refuse(name) else await real(*args)

        return asked


def works(bench: Bench) -> None:
    bench.wait_carrier()
    bench.received.clear()
    bench.card.transmitted.clear()
    bench.send(frame_of(100, 1))
    bench.arrive(frame_of(200, 2))
    bench.settle()
    assert (bench.card.transmitted, bench.received) == ([frame_of(100, 1)], [frame_of(200, 2)])


def test_whatever_is_refused_in_probe_and_open_is_survived(monkeypatch: pytest.MonkeyPatch) -> None:
    """Probe and open say a Linux errno and leave nothing, or get on without (buffers); and they work the next time."""
    failed: dict[str, int] = {}
    survived: dict[str, int] = {}
    number = 0
    while True:
        bench = Bench(SMALL_RINGS)
        with monkeypatch.context() as patch:
            refusals = Refusals(bench, patch, number)
            result = bench.load() or bench.open()
        if not refusals.what:
            break
        count = failed if result else survived
        count[refusals.what] = count.get(refusals.what, 0) + 1
        if result:
            assert result in ERRNOS, (number, refusals.what)
            with bench.kernel.entered():
                registered = bool(net_state().devices)
            if not registered:
                bench.unload()
                bench.assert_clean()
                assert bench.load() == 0
            else:
                assert bench.kernel.irq(bench.card.irq).actions == []
                assert bench.kernel.dma_table.live() == []
            assert bench.open() == 0
        bench.settle(5_000_000)  # a ring that lacks a buffer is filled by the watchdog
        works(bench)
        assert e1000_desc_unused(bench.adapter.rx_ring) == 0
        bench.finish()
        number += 1
    probe = {"pci_enable_device", "dma_set_mask_and_coherent", "pci_request_regions", "pci_iomap", "register_netdev"}
    assert failed == {**dict.fromkeys(probe, 1), "alloc": 2, "insert": 2, "request_irq": 1}
    assert survived["map"] == 63 and survived["alloc"] == 63


# ---------------------------------------------------------------- a card that goes
def life() -> Iterator[Callable[[Bench], Any]]:
    """What is done with a card, in order; each step may find it gone."""
    yield lambda bench: bench.pump.run(dev_open(bench.netdev))
    yield lambda bench: bench.settle(1_000_000)
    yield lambda bench: bench.send(*(frame_of(100, n) for n in range(5)))
    yield lambda bench: bench.arrive(*(frame_of(100, n) for n in range(5)))
    yield lambda bench: bench.settle(3_000_000)
    yield lambda bench: bench.pump.run(dev_get_stats(bench.netdev))
    yield lambda bench: bench.pump.run(dev_mc_add(bench.netdev, bytes.fromhex("01005e010203")))
    yield lambda bench: bench.pump.run(dev_set_mtu(bench.netdev, 4000))
    yield lambda bench: bench.pump.run(dev_ethtool(bench.netdev, e1000_get_regs))
    yield lambda bench: bench.pump.run(dev_ethtool(bench.netdev, e1000_diag_test, True))
    yield lambda bench: bench.settle(3_000_000)
    yield lambda bench: bench.pump.run(dev_close(bench.netdev))


def reads_of_a_life() -> int:
    bench, reads = Bench(SMALL_RINGS), 0
    real = bench.card.read

    def counting(bar: int, offset: int) -> int:
        nonlocal reads
        reads += 1
        return real(bar, offset)

    bench.card.read = counting  # type: ignore[method-assign]
    live(bench)
    assert not bench.log_has("does not answer")
    return reads


def live(bench: Bench) -> None:
    if bench.load() == 0:
        for step in life():
            step(bench)
    bench.unload()
    bench.assert_clean()


@pytest.mark.parametrize("part", range(2))
def test_card_that_goes_at_any_read_is_told_of_once_and_left_alone(part: int) -> None:
    """All ones from some read on. Nothing hangs, nothing is left, no loop polls on, and the device is detached."""
    whole = reads_of_a_life()
    assert whole > 2_000
    for goes_at in range(1 + part * 71, whole, 149):
        bench, reads, after = Bench(SMALL_RINGS), 0, 0
        real = bench.card.read

        def read(bar: int, offset: int, bench: Bench = bench, real: Any = real, goes_at: int = goes_at) -> int:
            nonlocal reads, after
            reads += 1
            bench.card.gone = bench.card.gone or reads >= goes_at
            after += bench.card.gone
            return int(real(bar, offset))

        bench.card.read = read  # type: ignore[method-assign]
        if bench.load() == 0:
            for step in life():
                step(bench)
            with bench.kernel.entered():
                assert not netif_device_present(bench.netdev)
        else:
            assert bench.probe_result in ERRNOS
        bench.unload()
        bench.assert_clean()
        assert sum("does not answer" in line.text for line in bench.kernel.log) == 1, goes_at
        assert after <= 4, "a card that is gone is asked for no more than what it takes to be sure"
