# SPDX-License-Identifier: MIT
"""The books of a bench: what was sent, what must arrive, and where the rest went, in both directions.

What must arrive is decided here, from the frame and from the device's state as the stack has it (flags, addresses,
MTU) through the independent filter, at the moment the frame leaves; the card is not asked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace

from driver.linux.net.device import IFF_ALLMULTI, IFF_PROMISC, NetDevice
from sim.check.accounting import RECEIVE_DROP_REGISTERS, Account
from sim.check.filter import FilterConfig, multicast_hash, wanted
from sim.check.scoreboard import Scoreboard
from sim.wire import MIN_BYTES, Frame, Received, Wire

__all__ = ["Books", "filter_of", "largest_frame"]

_FCS_BYTES = 4
_ADDRESS_BYTES = 6
_ERROR_CHARACTER = 0xFE  # XGMII: what the card finds where an error is
_LARGEST_STANDARD, _LARGEST_JUMBO = 1522, 9234  # with FCS: what the card takes without and with long packets on
_STANDARD_MTU = 1500
_PAUSE_ADDRESS, _MAC_CONTROL = bytes.fromhex("0180c2000001"), b"\x88\x08"
_EXACT_ADDRESSES = 15  # beside the device's own


def filter_of(device: NetDevice, multicast_offset: int = 0) -> FilterConfig:
    """The receive filter that `device`'s state asks of a driver with this mc_filter_type."""
    promiscuous = bool(device.flags & IFF_PROMISC)
    table: dict[int, int] = {}
    for address in device.mc:
        bit = multicast_hash(address, multicast_offset)
        table[bit >> 5] = table.get(bit >> 5, 0) | 1 << (bit & 31)
    return FilterConfig(
        exact=(device.dev_addr, *device.uc),
        unicast_promiscuous=promiscuous or len(device.uc) > _EXACT_ADDRESSES,
        multicast_promiscuous=promiscuous or bool(device.flags & IFF_ALLMULTI),
        multicast_offset=multicast_offset,
        table=table,
    )


def largest_frame(device: NetDevice) -> int:
    """Bytes with FCS of the longest frame that the card passes with `device`'s MTU."""
    return _LARGEST_JUMBO if device.mtu > _STANDARD_MTU else _LARGEST_STANDARD


def _as_seen(frame: Frame) -> bytes:
    """The first bytes of `frame` as they cross the wire."""
    start = bytearray(frame.wire_bytes[:_ADDRESS_BYTES])
    if frame.error_at is not None and frame.error_at < _ADDRESS_BYTES:
        start[frame.error_at] = _ERROR_CHARACTER
    return bytes(start)


class Books:
    """Listens to a wire; the host tap reports to `host_received` and `host_sent`.

    filtered: not for this host by their address; sent_bad: for it, but of wrong FCS, symbol error or length; sent_good:
    must arrive. The address is looked at first, as the card does: of frames for others it counts no errors.
    """

    def __init__(self, wire: Wire, multicast_offset: int = 0) -> None:
        self.multicast_offset = multicast_offset
        self.receive = Scoreboard("to the host")
        self.transmit = Scoreboard("to the wire")
        self.device: NetDevice | None = None
        self.sent = self.sent_good = self.sent_bad = self.filtered = 0
        self.in_card_at_reset = self.unreported = 0
        self.sent_while_off = 0  # while nobody said the receiver was on
        self.host_frames = self.card_frames = self.card_bad_frames = 0
        self.every_group = False  # the driver has no memory for the list of groups, and lets all of them pass
        self.on_arrival: Callable[[], None] | None = None  # a frame has come, at the host or at the partner
        self.pause_frames = 0  # the card's own
        self._off = True
        self._shut = False
        self._filter = FilterConfig()
        self._filter_is_of: tuple[object, ...] = ()
        wire.on_sent(self._left)
        wire.on_received(self._came)

    # ------------------------------------------------------------------ what happened
    def _left(self, frame: Frame, time_ns: int) -> None:
        if self._shut:
            return
        self.sent += 1
        device, payload, good = self.device, frame.payload, frame.good
        length = len(payload) + (0 if frame.truncated else _FCS_BYTES)
        start = payload if good and len(payload) >= _ADDRESS_BYTES else _as_seen(frame)
        if device is None or length < _ADDRESS_BYTES or not wanted(start, self._current_filter(device)):
            self.filtered += 1
            return
        self.sent_while_off += self._off
        if not good or not MIN_BYTES + _FCS_BYTES <= length <= largest_frame(device):
            self.sent_bad += 1
        else:
            self.sent_good += 1
            self.receive.expect(payload)

    def _current_filter(self, device: NetDevice) -> FilterConfig:
        """filter_of(device), made anew when what it is made of has changed."""
        state = device, device.flags, device.dev_addr, device.uc.genid, device.mc.genid, self.every_group
        if state != self._filter_is_of:
            self._filter, self._filter_is_of = filter_of(device, self.multicast_offset), state
            if self.every_group:
                self._filter = replace(self._filter, multicast_promiscuous=True)
        return self._filter

    def _came(self, frame: Received) -> None:
        if self._shut:
            return
        if frame.good and frame.data[:6] == _PAUSE_ADDRESS and frame.data[12:14] == _MAC_CONTROL:
            self.pause_frames += 1  # the card's own, not the host's
            return
        self.card_frames += 1
        if frame.good:
            self.transmit.see(frame.data)
        else:
            self.card_bad_frames += 1
        self._arrived()

    def host_received(self, frame: bytes) -> None:
        self.host_frames += 1
        self.receive.see(frame)
        self._arrived()

    def _arrived(self) -> None:
        if self.on_arrival is not None:
            self.on_arrival()

    def host_sent(self, frame: bytes) -> None:
        self.transmit.expect(frame.ljust(MIN_BYTES, b"\0"))

    # ------------------------------------------------------------------ the receiver's state
    def receiver_on(self, device: NetDevice) -> None:
        """From now on every frame must be accounted for."""
        self.device, self._off = device, False

    def receiver_off(self) -> None:
        """From now on a frame, and what is on its way already, may also just be ignored by a card that is off."""
        self.sent_while_off += self.receive.outstanding
        self._off = True

    def card_was_reset(self, unreported: int = 0) -> None:
        """What the card was handed and has not passed on is gone: with its packet memory, or dropped by the driver.
        Nothing may be on its way that is not.

        unreported: up to so many frames were sent, and the card had no time to tell the driver, which counts them as
        dropped.
        """
        self.unreported += unreported
        self.in_card_at_reset += self.transmit.outstanding
        self.transmit.give_up()
        self.receive.give_up()

    @contextmanager
    def receiver_may_be_off(self) -> Iterator[None]:
        """Around what resets the card or takes the interface down and up, with traffic on the wire."""
        before = self._off
        self.receiver_off()
        try:
            yield
        finally:
            self._off = before

    @contextmanager
    def shut(self) -> Iterator[None]:
        """Nothing that crosses the wire in here is booked: a card that no driver drives does anything with frames."""
        self._shut = True
        try:
            yield
        finally:
            self._shut = False

    # ------------------------------------------------------------------ the sums
    @property
    def nothing_outstanding(self) -> bool:
        return not self.receive.outstanding and not self.transmit.outstanding

    def receive_account(self, counters: Mapping[str, int]) -> Account:
        """counters: the card's statistics by register name in lower case, and the driver's rx_* drops."""
        drops = {text: counters[name] for name, text in RECEIVE_DROP_REGISTERS.items() if counters.get(name)}
        drops |= {name: count for name, count in counters.items() if name.startswith("rx_") and count}
        account = Account(self.sent, self.host_frames, self.filtered, drops)
        # Ignored by a card that was off: as many as are nowhere, but no more than were sent then.
        ignored = min(max(account.unaccounted, 0), self.sent_while_off)
        if ignored:
            account.drops["sent while the receiver was off"] = ignored
        return account

    def transmit_account(self, driver_drops: int) -> Account:
        """driver_drops: frames that the driver was given and dropped, and says so."""
        expected = self.transmit.checked + self.transmit.lost + self.transmit.outstanding
        driver_drops -= min(max(driver_drops - (expected - self.transmit.checked), 0), self.unreported)
        drops = {"dropped by the driver": driver_drops} if driver_drops else {}
        gone = min(max(expected - self.transmit.checked - driver_drops, 0), self.in_card_at_reset)
        if gone:
            drops["in the card when it was reset"] = gone
        return Account(expected, self.transmit.checked, drops=drops)

    def problems(self) -> list[str]:
        """What no count can excuse."""
        found = self.receive.errors + self.transmit.errors
        if self.card_bad_frames:
            found.append(f"{self.card_bad_frames} broken frames came from the card")
        return found
