# SPDX-License-Identifier: MIT
"""Frames through the driver, both ways."""

from __future__ import annotations

import pytest

from driver.e1000e import rx, tx
from driver.e1000e.desc import RXD_ERR_CE, RXD_ERR_FRAME_ERR_MASK, RXD_ERR_RXE, RXD_ERR_SE
from driver.e1000e.regs import GORCH, GORCL, TDT
from driver.linux.dma_mapping import DMA_MAPPING_ERROR
from driver.linux.netdevice import dev_close, dev_set_mtu, netif_stop_queue, netif_wake_queue
from tests.unit.e1000e.bench import Bench, frame_of
from tests.unit.e1000e.fake_card import FakeCard

SMALL_RINGS = {"TxDescriptors": 64, "RxDescriptors": 64}


@pytest.mark.parametrize("cpus", [1, 2])
def test_frames_go_both_ways_and_nothing_is_left(cpus: int) -> None:
    bench = Bench(cpus=cpus).up()
    sent = [frame_of(60 + 7 * n, n) for n in range(20)]
    bench.send(*sent)
    arriving = [frame_of(60 + 11 * n, n) for n in range(40)]
    bench.arrive(*arriving)
    bench.settle()
    assert bench.card.transmitted == sent
    assert bench.received == arriving
    bench.finish()


def test_rings_wrap_three_times() -> None:
    bench = Bench(SMALL_RINGS).up()
    frames = [frame_of(64 + n, n) for n in range(200)]
    for start in range(0, 200, 20):
        bench.send(*frames[start : start + 20])
        bench.settle(100_000)
    bench.arrive(*frames)
    bench.settle()
    assert bench.card.transmitted == frames
    assert bench.received == frames
    assert bench.adapter.tx_ring.next_to_use == 200 % 64
    bench.finish()


def test_short_frames_are_padded_with_zeros() -> None:
    bench = Bench().up()
    bench.send(frame_of(15))
    bench.settle()
    assert bench.card.transmitted == [frame_of(15).ljust(60, b"\0")]
    bench.finish()


@pytest.mark.parametrize("mtu, buffer_bytes", [(1500, 2048), (1501, 2048), (2048, 4096), (4075, 4096), (9212, 4096)])
def test_largest_frame_of_an_mtu_goes_both_ways(mtu: int, buffer_bytes: int) -> None:
    bench = Bench(SMALL_RINGS).up()
    assert bench.pump.run(dev_set_mtu(bench.netdev, mtu)) == 0
    bench.wait_carrier()
    frames = [frame_of(mtu + 14, n) for n in range(70)]
    for frame in frames:
        bench.send(frame)
        bench.settle(20_000)
    bench.arrive(*frames, gap_ns=10_000)
    bench.settle()
    assert bench.card.buffer_bytes() == bench.adapter.rx_buffer_len == buffer_bytes
    assert bench.card.transmitted == frames
    assert bench.received == frames
    bench.finish()


def test_a_frame_over_8k_takes_two_transmit_descriptors() -> None:
    bench = Bench().up()
    bench.pump.run(dev_set_mtu(bench.netdev, 9000))
    bench.wait_carrier()
    before = bench.adapter.tx_ring.next_to_use
    bench.send(frame_of(8192), frame_of(8193))
    assert bench.adapter.tx_ring.next_to_use - before == 1 + 2
    bench.settle()
    assert bench.card.transmitted == [frame_of(8192), frame_of(8193)]
    bench.finish()


# ---------------------------------------------------------------- transmit
def test_full_ring_stops_the_queue_and_cleaning_wakes_it() -> None:
    bench = Bench(SMALL_RINGS, card=FakeCard(frame_ns=5_000)).up()
    frames = [frame_of(100, n) for n in range(300)]
    stopped = 0
    for frame in frames:
        assert bench.send(frame) == [0]
        stopped += bench.netdev.txq.stopped
    assert stopped > 0
    bench.settle()
    assert bench.card.transmitted == frames
    assert bench.adapter.restart_queue > 0
    assert not bench.netdev.txq.stopped
    assert bench.stats().tx_dropped == 0
    bench.finish()


def test_ring_is_never_filled_to_its_last_descriptor() -> None:
    bench = Bench(SMALL_RINGS, card=FakeCard(frame_ns=50_000)).up()
    low = bench.adapter.tx_ring.count
    for n in range(100):
        bench.send(frame_of(100, n))
        low = min(low, tx.e1000_desc_unused(bench.adapter.tx_ring))
    assert tx.TXD_LOW_SPACE - 1 <= low < tx.TX_WAKE_THRESHOLD
    bench.settle(20_000_000)
    assert len(bench.card.transmitted) == 100
    bench.finish()


def test_queue_is_woken_only_when_there_is_room_for_a_burst() -> None:
    bench = Bench(SMALL_RINGS, card=FakeCard(frame_ns=5_000)).up()
    bench.send(*(frame_of(100, n) for n in range(80)))
    assert bench.netdev.txq.stopped
    bench.pump.until(lambda: not bench.netdev.txq.stopped)
    assert tx.e1000_desc_unused(bench.adapter.tx_ring) >= tx.TX_WAKE_THRESHOLD - 20  # the softirq has refilled some
    bench.settle()
    bench.finish()


def send_in_one_run(bench: Bench, frames: list[bytes]) -> list[int]:
    """What the transmit tail became, one by one."""
    bench.call(lambda: netif_stop_queue(bench.netdev_now()))
    bench.send(*frames)
    bench.pump.host.log.clear()
    bench.call(lambda: netif_wake_queue(bench.netdev_now()))
    bench.settle()
    return [r.value for _, r in bench.pump.host.log if getattr(r, "value", None) is not None and r.offset == TDT.offset]


def test_the_card_is_told_once_of_the_frames_of_a_run() -> None:
    bench = Bench().up()
    frames = [frame_of(100, n) for n in range(100)]
    first = bench.adapter.tx_ring.next_to_use
    assert send_in_one_run(bench, frames) == [first + 64, first + 100]
    assert bench.card.transmitted == frames
    bench.finish()


def test_the_card_is_told_when_the_queue_stops_in_a_run() -> None:
    bench = Bench(SMALL_RINGS).up()
    frames = [frame_of(100, n) for n in range(200)]
    tails = send_in_one_run(bench, frames)
    assert 200 / 62 < len(tails) < 20
    assert bench.card.transmitted == frames
    bench.finish()


def test_the_card_is_told_of_a_run_of_which_the_last_frame_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench().up()
    real, calls = tx.dma_map_single, iter(range(100))
    monkeypatch.setattr(tx, "dma_map_single", lambda *a: DMA_MAPPING_ERROR if next(calls) == 2 else real(*a))
    frames = [frame_of(100, n) for n in range(3)]
    assert len(send_in_one_run(bench, frames)) == 1
    assert bench.card.transmitted == frames[:2]
    assert bench.stats().tx_dropped == 1
    bench.finish()


@pytest.mark.parametrize("failing", [0, 1])
def test_packet_that_cannot_be_mapped_is_dropped_whole(monkeypatch: pytest.MonkeyPatch, failing: int) -> None:
    bench = Bench().up()
    bench.pump.run(dev_set_mtu(bench.netdev, 9000))
    bench.wait_carrier()
    real, calls = tx.dma_map_single, iter(range(100))
    monkeypatch.setattr(tx, "dma_map_single", lambda *a: DMA_MAPPING_ERROR if next(calls) == failing else real(*a))
    bench.send(frame_of(9000, 1))
    bench.send(frame_of(9000, 2))
    bench.settle()
    assert bench.card.transmitted == [frame_of(9000, 2)]
    assert bench.adapter.tx_dma_failed == 1
    assert bench.stats().tx_dropped == 1
    bench.finish()


def test_packet_is_freed_only_after_its_last_descriptor_was_written_back() -> None:
    card = FakeCard(frame_ns=100_000)
    bench = Bench({"RxIntDelay": 0}, card=card).up()
    bench.pump.run(dev_set_mtu(bench.netdev, 9000))
    bench.wait_carrier()
    start = bench.adapter.tx_ring.next_to_clean
    bench.send(frame_of(9000))
    bench.settle(50_000)  # the first of two descriptors is done
    assert bench.adapter.tx_ring.desc[start * 16 + 12] & 1
    assert bench.adapter.tx_ring.buffer_info[start + 1].skb is not None
    bench.settle(200_000)
    assert bench.adapter.tx_ring.next_to_clean == start + 2
    bench.finish()


def test_longest_frame_is_sent_whatever_the_mtu_and_a_longer_one_is_dropped() -> None:
    """Not refused: what cannot be sent would be offered again for ever, and hold up all behind it."""
    bench = Bench(SMALL_RINGS).up()
    frames = [frame_of(size) for size in (tx.MAX_TX_BYTES, tx.MAX_TX_BYTES + 1, 600_000, 100)]
    assert len(send_in_one_run(bench, frames)) == 1
    assert bench.card.transmitted == [frames[0], frames[3]]
    assert bench.stats().tx_dropped == 2
    assert bench.netdev.txq.qdisc.requeues == 0
    bench.finish()


def test_queue_stops_before_a_frame_of_any_size_has_to_be_refused() -> None:
    bench = Bench(SMALL_RINGS, card=FakeCard(frame_ns=3_000)).up()
    frames = [frame_of(100 if n % 3 else tx.MAX_TX_BYTES, n) for n in range(300)]
    bench.send(*frames)
    bench.settle()
    assert bench.card.transmitted == frames
    assert bench.netdev.txq.stops > 3
    assert bench.netdev.txq.qdisc.requeues == 0
    bench.finish()


def test_frame_that_is_refused_is_sent_later_and_in_order() -> None:
    """Nobody but who wakes the queue of a full ring brings that about."""
    bench = Bench(SMALL_RINGS, card=FakeCard(frame_ns=50_000)).up()
    frames = [frame_of(100, n) for n in range(70)]
    bench.send(*frames)
    for _ in range(3):
        bench.call(lambda: netif_wake_queue(bench.netdev_now()))
        assert bench.netdev.txq.stopped
    assert 1 <= bench.netdev.txq.qdisc.requeues <= 3
    bench.settle(20_000_000)
    assert bench.card.transmitted == frames
    assert bench.stats().tx_dropped == 0
    bench.finish()


def test_the_card_is_told_of_a_run_of_which_the_last_frame_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench().up()
    # two calls for each frame that finds room, and two for one that does not
    real, calls = tx.e1000_desc_unused, iter(range(100))
    monkeypatch.setattr(tx, "e1000_desc_unused", lambda ring: 0 if next(calls) in (4, 5) else real(ring))
    first, frames = bench.adapter.tx_ring.next_to_use, [frame_of(100, n) for n in range(3)]
    assert send_in_one_run(bench, frames) == [first + 2, first + 3]
    assert bench.netdev.txq.qdisc.requeues == 1
    assert bench.card.transmitted == frames
    bench.finish()


# ---------------------------------------------------------------- receive
def jumbo(mtu: int = 9000, **params: int) -> Bench:
    bench = Bench({"RxDescriptors": 64, **params}).up()
    assert bench.pump.run(dev_set_mtu(bench.netdev, mtu)) == 0
    bench.wait_carrier()
    return bench


@pytest.mark.parametrize("strip", [0, 1])
def test_frame_in_several_buffers_is_put_together(strip: int) -> None:
    """Also where nothing but the FCS, or a part of it, lies in the last one."""
    bench = jumbo(CrcStripping=strip)
    frames = [frame_of(size, size) for size in (4090, 4092, 4093, 4096, 4097, 60, 8188, 8190, 8192, 9014, 9230) * 20]
    bench.arrive(*frames, gap_ns=10_000)
    bench.settle(10_000_000)
    assert bench.received == frames
    stats = bench.stats()
    assert (stats.rx_errors, stats.rx_dropped, stats.rx_nohandler) == (0, 0, 0)
    bench.finish()


def test_longer_frame_than_the_mtu_asks_for_arrives() -> None:
    """LPE knows one limit only, and the stack takes what comes: as it is with the stock driver."""
    bench = jumbo(1600)
    frames = [frame_of(1000, 1), frame_of(7000, 2), frame_of(2000, 3), frame_of(5000, 4), frame_of(1000, 5)]
    bench.arrive(*frames)
    bench.settle()
    assert bench.received == frames
    bench.finish()


def test_frame_in_several_buffers_that_is_marked_bad_is_not_passed_on() -> None:
    bench = jumbo()
    bench.card.receive(frame_of(9000, 1), RXD_ERR_CE)
    bench.settle()
    bench.arrive(frame_of(9000, 2))
    bench.settle()
    assert bench.received == [frame_of(9000, 2)]
    assert bench.adapter.rx_desc_errors == 1
    bench.finish()


def test_frame_longer_than_any_can_be_is_given_up_and_the_next_is_not() -> None:
    bench = jumbo()
    bench.arrive(frame_of(9234 + 1, 1), frame_of(13_000, 2), frame_of(9000, 3), frame_of(100, 4), gap_ns=20_000)
    bench.settle()
    assert bench.received == [frame_of(9000, 3), frame_of(100, 4)]
    stats = bench.stats()
    assert (stats.rx_length_errors, stats.rx_errors) == (2, 2)
    assert stats.rx_nohandler == 0, "a piece of a frame was passed on as a frame"
    bench.finish()


@pytest.mark.parametrize("stripped", [True, False])
def test_runt_in_several_buffers_is_not_passed_on(stripped: bool) -> None:
    bench = jumbo(CrcStripping=int(stripped))
    frames = [frame_of(size, size) + (b"" if stripped else b"FCS!") for size in (13, 14)]
    for frame in [b"FCS", *frames]:
        bench.card._store_pieces([frame[:1], frame[1:]], 0)
        bench.settle()
    assert bench.received == [frame_of(14, 14)]
    assert bench.adapter.rx_length_errors == 2
    bench.finish()


def test_without_memory_for_a_frame_in_several_buffers_it_is_dropped_and_counted() -> None:
    bench = jumbo()
    bench.kernel.mm.fail_if(lambda size: size > 9000)
    bench.arrive(*(frame_of(size, size) for size in (9000, 1000, 5000)), gap_ns=20_000)
    bench.settle()
    assert bench.received == [frame_of(1000, 1000)]
    assert (bench.stats().rx_dropped, bench.adapter.alloc_rx_buff_failed) == (2, 2)
    bench.kernel.mm.fail_if(None)
    bench.arrive(frame_of(9000))
    bench.settle()
    assert bench.received[1:] == [frame_of(9000)]
    bench.finish()


def test_close_in_the_middle_of_a_frame_in_several_buffers() -> None:
    """The first pieces polled, the others not, or not even stored: each frame is delivered or dropped, once."""
    seen = set()
    for delay_ns in range(0, 24_000, 1_000):
        bench = jumbo()
        bench.card.piece_ns = 8_000
        bench.arrive(frame_of(9000))
        bench.pump.advance(delay_ns)
        inside = bench.adapter.rx_ring.rx_skb_top is not None
        bench.pump.run(dev_close(bench.netdev))
        stats = bench.stats()
        assert len(bench.received) + stats.rx_dropped == stats.rx_packets <= 1
        seen.add((inside, len(bench.received)))
        bench.unload()
        bench.assert_clean()
    assert {(True, 0), (False, 1)} <= seen


@pytest.mark.parametrize("error", [RXD_ERR_CE, RXD_ERR_SE, RXD_ERR_RXE])
def test_frame_marked_bad_is_not_passed_on(error: int) -> None:
    bench = Bench().up()
    bench.card.receive(frame_of(300, 1), error)
    bench.settle()
    bench.card.receive(frame_of(300, 2), 0xFF & ~RXD_ERR_FRAME_ERR_MASK)
    bench.settle()
    assert bench.received == [frame_of(300, 2)]
    assert bench.adapter.rx_desc_errors == 1
    bench.finish()


def test_runt_without_a_header_is_not_passed_on() -> None:
    bench = Bench().up()
    bench.arrive(frame_of(13), frame_of(14))
    bench.settle()
    assert bench.received == [frame_of(14)]
    assert bench.adapter.rx_length_errors == 1
    bench.finish()


@pytest.mark.parametrize("copybreak, buffers_kept", [(0, 0), (256, 32), (0xFFFF, 63)])
def test_copybreak_changes_buffers_and_not_frames(copybreak: int, buffers_kept: int) -> None:
    bench = Bench({"copybreak": copybreak, "RxDescriptors": 64}).up()
    before = [buffer.skb for buffer in bench.adapter.rx_ring.buffer_info if buffer.skb is not None]
    frames = [frame_of(size, size) for size in (60, 255, 256, 1514) * 30]
    bench.arrive(*frames)
    bench.settle()
    assert bench.received == frames
    now = {id(buffer.skb) for buffer in bench.adapter.rx_ring.buffer_info}
    assert len(before) == 63
    assert sum(id(skb) in now for skb in before) == buffers_kept
    bench.finish()


def test_without_crc_stripping_the_fcs_is_cut_off_by_the_driver() -> None:
    bench = Bench({"CrcStripping": 0}).up()
    bench.arrive(frame_of(100), frame_of(1514))
    bench.settle()
    assert bench.received == [frame_of(100), frame_of(1514)]
    bench.finish()


def test_receive_tail_moves_in_batches() -> None:
    bench = Bench({"RxDescriptors": 128}).up()
    bench.pump.host.log.clear()
    bench.arrive(*(frame_of(100, n) for n in range(300)))
    bench.settle()
    tails = [r.value for _, r in bench.pump.host.log if getattr(r, "value", None) is not None and r.offset == 0x2818]
    assert len(tails) >= 300 // rx.RX_BUFFER_WRITE - 1
    assert all(tail % rx.RX_BUFFER_WRITE == 0 for tail in tails)
    assert len(bench.received) == 300
    assert rx.e1000_desc_unused(bench.adapter.rx_ring) == 0, "every buffer is back on the ring"
    bench.finish()


def test_starved_ring_recovers_when_memory_is_back() -> None:
    bench = Bench({"RxDescriptors": 64, "copybreak": 0}).up()
    bench.kernel.mm.fail_if(lambda size: size > 2000)
    bench.arrive(*(frame_of(200, n) for n in range(150)))
    bench.settle(1_000_000)
    got = len(bench.received)
    assert 48 <= got < 64
    assert bench.adapter.alloc_rx_buff_failed > 0
    assert bench.stats().rx_missed_errors > 0
    bench.kernel.mm.fail_if(None)
    bench.settle(10_000_000)  # no interrupt comes of itself: the watchdog forces a poll
    bench.arrive(*(frame_of(200, 1000 + n) for n in range(100)))
    bench.settle()
    assert bench.received[-100:] == [frame_of(200, 1000 + n) for n in range(100)]
    bench.finish()


def test_buffer_that_cannot_be_mapped_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench({"RxDescriptors": 64}).up()
    real, calls = rx.dma_map_single, iter(range(100_000))
    monkeypatch.setattr(rx, "dma_map_single", lambda *a: DMA_MAPPING_ERROR if next(calls) % 3 else real(*a))
    frames = [frame_of(100, n) for n in range(40)]
    bench.arrive(*frames)
    bench.settle()
    monkeypatch.undo()
    assert bench.adapter.rx_dma_failed > 0
    bench.settle(10_000_000)
    bench.arrive(*frames)
    bench.settle()
    assert bench.received == frames + frames
    bench.finish()


# ---------------------------------------------------------------- counters
def test_octets_are_counted_beyond_32_bits() -> None:
    bench = Bench().up()
    bench.card.reg[GORCL.offset], bench.card.reg[GORCH.offset] = 7, 5
    assert bench.stats().rx_bytes == 5 << 32 | 7
    bench.card.reg[GORCL.offset] = 3
    assert bench.stats().rx_bytes == (5 << 32 | 7) + 3
    bench.finish()


def test_counters_are_those_of_the_card() -> None:
    bench = Bench().up()
    bench.send(*(frame_of(100, n) for n in range(7)))
    bench.arrive(*(frame_of(200, n) for n in range(9)))
    bench.settle()
    first, second = bench.stats(), bench.stats()
    assert (first.tx_packets, first.tx_bytes) == (7, 7 * 104)
    assert (first.rx_packets, first.rx_bytes) == (9, 9 * 204)
    assert second == first
    bench.finish()
