# SPDX-License-Identifier: MIT
"""Scoreboard and Account notice what they are there for."""

from __future__ import annotations

import pytest

from sim.check.accounting import Account
from sim.check.scoreboard import Scoreboard


def board(*frames: bytes) -> Scoreboard:
    made = Scoreboard("test")
    for frame in frames:
        made.expect(frame)
    return made


def test_frames_in_order_are_right() -> None:
    made = board(b"a", b"b", b"b")
    for frame in (b"a", b"b", b"b"):
        made.see(frame)
    assert (made.checked, made.lost, made.wrong, made.outstanding) == (3, 0, 0, 0) and made.errors == []


def test_a_missing_frame_is_lost_and_the_rest_goes_on() -> None:
    made = board(b"a", b"b", b"c", b"d")
    for frame in (b"a", b"d"):
        made.see(frame)
    assert (made.checked, made.lost, made.wrong) == (2, 2, 0)


def test_the_end_is_lost_when_given_up() -> None:
    made = board(b"a", b"b")
    made.see(b"a")
    assert made.outstanding == 1
    made.give_up()
    assert (made.outstanding, made.lost) == (0, 1)


@pytest.mark.parametrize(
    ("arrives", "says"),
    [(b"aXa", "byte 1: 0x58, not 0x62"), (b"aba!", "3 bytes were next"), (b"ab", "3 bytes were next")],
)
def test_a_changed_frame_is_wrong(arrives: bytes, says: str) -> None:
    made = board(b"aba")
    made.see(arrives)
    assert made.wrong == 1 and says in made.errors[0] and made.checked == 0


def test_a_second_copy_and_a_late_frame_are_wrong() -> None:
    made = board(b"a", b"b")
    for frame in (b"a", b"b", b"a"):
        made.see(frame)
    assert made.wrong == 1 and "nothing is outstanding" in made.errors[0]


def test_an_account_closes_or_tells_by_how_much_it_does_not() -> None:
    account = Account(sent=10, delivered=6, filtered=2, drops={"bad FCS": 1, "undersize": 1})
    assert account.closed and str(account) == "10 sent = 6 delivered + 2 filtered + 1 bad FCS + 1 undersize"
    account.delivered = 5
    assert not account.closed and account.unaccounted == 1 and "1 UNACCOUNTED" in str(account)
    account.delivered = 7
    assert not account.closed and account.unaccounted == -1
