# SPDX-License-Identifier: MIT
"""NAPI: interrupts schedule a poll, the NET_RX softirq calls it until the device has nothing left.

State bits as in Linux: SCHED (somebody owns the poll), DISABLE (napi_disable waits for it), MISSED (scheduled again
meanwhile). Rules, each a violation:

    napi-not-enabled    scheduled before napi_enable or after napi_disable
    napi-enabled-twice  napi_enable of one that is enabled; napi-disabled-twice the other way round
    napi-over-budget    poll returned more than it was allowed
    napi-not-scheduled  napi_complete_done by one who does not own the poll
    napi-complete-full  poll used all its budget and completed all the same
    napi-stuck          poll used less than its budget and did not complete
    napi-deleted-live   netif_napi_del of one that is enabled
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final

from driver.linux.bug import Where, here, warn_violation
from driver.linux.cpu import might_sleep
from driver.linux.current import ON
from driver.linux.net.state import this_softnet
from driver.linux.softirq import NET_RX_SOFTIRQ, raise_softirq
from driver.linux.timer import TICK_NS
from driver.linux.wait import WaitQueueHead, wait_event

if TYPE_CHECKING:
    from driver.linux.net.device import NetDevice

__all__ = [
    "NAPI_POLL_WEIGHT", "NETDEV_BUDGET", "NETDEV_BUDGET_NS", "NapiStruct", "__napi_schedule", "napi_complete",
    "napi_complete_done", "napi_disable", "napi_enable", "napi_schedule", "napi_schedule_prep", "net_rx_action",
    "netif_napi_add", "netif_napi_del",
]  # fmt: skip

NAPI_POLL_WEIGHT: Final = 64
NETDEV_BUDGET: Final = 300  # packets in one NET_RX softirq
NETDEV_BUDGET_NS: Final = 2 * TICK_NS  # simulated time in one NET_RX softirq (not the driver's time scale)

SCHED: Final = 1
MISSED: Final = 2
DISABLE: Final = 4

Poll = Callable[["NapiStruct", int], int | Awaitable[int]]


class NapiStruct:
    """struct napi_struct. poll(napi, budget), plain or a coroutine function, returns the packets it received."""

    __slots__ = ("dev", "enabled", "idle", "made", "on_poll_list", "poll", "polls", "state", "turn", "weight", "work")

    def __init__(self, dev: NetDevice, poll: Poll, weight: int, made: Where) -> None:
        self.dev = dev
        self.poll = poll
        self.weight = weight
        self.made = made
        self.state = SCHED  # owned by nobody's poll: not enabled yet
        self.turn = 0  # number of its latest scheduling: tells one owner of the poll from the next
        self.enabled = False
        self.on_poll_list = False
        self.idle = WaitQueueHead()  # woken when the poll gives SCHED up
        self.polls = 0
        self.work = 0

    @property
    def name(self) -> str:
        return f"{self.dev.name} napi"


def _violation(napi: NapiStruct, rule: str, message: str) -> None:
    warn_violation(rule, napi, message, napi.made)


def netif_napi_add(dev: NetDevice, poll: Poll, weight: int = NAPI_POLL_WEIGHT) -> NapiStruct:
    """A new NAPI instance of `dev`; not enabled."""
    napi = NapiStruct(dev, poll, weight, here())
    dev.napi_list.append(napi)
    return napi


def netif_napi_del(napi: NapiStruct) -> None:
    """The instance goes; it must be disabled. Once more does nothing, as in Linux."""
    if napi not in napi.dev.napi_list:
        return
    if napi.enabled:
        _violation(napi, "napi-deleted-live", "deleted while it is enabled")
    napi.dev.napi_list.remove(napi)


def napi_enable(napi: NapiStruct) -> None:
    """Allow it to be scheduled."""
    if napi.enabled:
        _violation(napi, "napi-enabled-twice", "enabled while it is enabled")
        return
    napi.enabled = True
    napi.state = 0


async def napi_disable(napi: NapiStruct) -> None:
    """Wait for a poll under way to complete; none starts any more."""
    might_sleep("napi_disable")
    if not napi.enabled:
        _violation(napi, "napi-disabled-twice", "disabled while it is not enabled")
        return
    napi.state |= DISABLE
    await wait_event(napi.idle, lambda: not napi.state & SCHED)
    napi.state = SCHED
    napi.enabled = False


def napi_schedule_prep(napi: NapiStruct) -> bool:
    """Take the poll; False when somebody has it (he will poll once more) or it is being disabled."""
    if not napi.enabled:
        _violation(napi, "napi-not-enabled", "scheduled while it is not enabled")
        return False
    state = napi.state
    if state & DISABLE:
        return False
    if state & SCHED:
        napi.state = state | MISSED
        return False
    napi.state = state | SCHED
    napi.turn += 1
    return True


def __napi_schedule(napi: NapiStruct) -> None:
    """Have the NET_RX softirq of this CPU poll it; after napi_schedule_prep said True."""
    if not napi.state & SCHED or napi.on_poll_list or not napi.enabled:
        _violation(napi, "napi-not-scheduled", "__napi_schedule without napi_schedule_prep")
        return
    napi.on_poll_list = True
    this_softnet().poll_list.append(napi)
    raise_softirq(NET_RX_SOFTIRQ)


def napi_schedule(napi: NapiStruct) -> bool:
    """Both in one; True when it was scheduled by this call."""
    if napi_schedule_prep(napi):
        __napi_schedule(napi)
        return True
    return False


def napi_complete_done(napi: NapiStruct, work: int = 0) -> bool:
    """The device has nothing left. False: it was scheduled again meanwhile, so poll comes again; leave its interrupt
    off."""
    state = napi.state
    if not state & SCHED or not napi.enabled:
        _violation(napi, "napi-not-scheduled", "napi_complete_done by one who does not own the poll")
        return False
    if state & MISSED:
        napi.state = state & ~MISSED
        napi.turn += 1
        __napi_schedule(napi)
        return False
    napi.state = state & ~SCHED
    napi.idle.wake_up()
    return True


def napi_complete(napi: NapiStruct) -> bool:
    return napi_complete_done(napi)


async def net_rx_action() -> None:
    """NET_RX softirq: poll what is scheduled until that is done, or 300 packets or 2 ticks are used up."""
    softnet = this_softnet()
    kernel = ON.kernel
    end_ns = kernel.now_ns + NETDEV_BUDGET_NS
    budget = NETDEV_BUDGET
    polls, again = softnet.poll_list, deque[NapiStruct]()
    softnet.poll_list = deque()
    while polls:
        budget -= await _poll_once(polls.popleft(), again)
        if budget <= 0 or kernel.now_ns >= end_ns:
            softnet.time_squeeze += 1
            break
    polls += softnet.poll_list
    polls += again
    softnet.poll_list = polls
    if polls:
        raise_softirq(NET_RX_SOFTIRQ)


async def _poll_once(napi: NapiStruct, again: deque[NapiStruct]) -> int:
    """Poll one instance; put it into `again` if it used all its weight."""
    napi.on_poll_list = False
    weight, turn, tracer = napi.weight, napi.turn, ON.kernel.tracer
    if tracer is not None:
        tracer.napi_poll_entry(napi, weight)
    answer = napi.poll(napi, weight)
    work = answer if answer.__class__ is int else await answer  # type: ignore[misc]
    if tracer is not None:
        tracer.napi_poll(napi, work, weight)
    napi.polls += 1
    napi.work += work
    # A poll that waits after it completed may find that the next has begun, on whatever CPU: that one owns it then.
    owned = napi.state & SCHED and napi.turn == turn
    if work < weight:
        if owned and napi.enabled:
            _violation(napi, "napi-stuck", f"poll did {work} of {weight} and did not complete: nobody polls it again")
        return work
    if work > weight:
        _violation(napi, "napi-over-budget", f"poll returned {work} of {weight}")
    if not owned:
        _violation(napi, "napi-complete-full", "poll used all its weight and completed all the same")
    elif napi.state & DISABLE:
        napi_complete_done(napi)
    else:
        napi.on_poll_list = True
        again.append(napi)
    return work
