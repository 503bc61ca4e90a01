# SPDX-License-Identifier: MIT
"""The kernel log: Kernel.log keeps it, the logger `nicosim.kernel` passes it on."""

from __future__ import annotations

import logging
from collections import deque
from typing import NamedTuple, Protocol

from driver.linux.current import ON

__all__ = ["Log", "LogLine", "Named", "dev_err", "dev_info", "dev_warn", "pr_err", "pr_info", "pr_warn"]

_LOGGER = logging.getLogger("nicosim.kernel")
_KEPT_LINES = 10_000


class Named(Protocol):
    """What a message can be about."""

    @property
    def name(self) -> str: ...


class LogLine(NamedTuple):
    now_ns: int
    level: int
    text: str

    def __str__(self) -> str:
        return f"[{self.now_ns / 1e9:12.6f}] {self.text}"


class Log(deque[LogLine]):
    """The last lines, oldest first."""

    def __init__(self) -> None:
        super().__init__(maxlen=_KEPT_LINES)

    def add(self, now_ns: int, level: int, text: str) -> None:
        self.append(LogLine(now_ns, level, text))
        _LOGGER.log(level, "[%12.6f] %s", now_ns / 1e9, text)


def _printk(level: int, message: str, arguments: tuple[object, ...], device: Named | None = None) -> None:
    text = message % arguments if arguments else message
    kernel = ON.kernel
    kernel.log.add(kernel.now_ns, level, f"{device.name}: {text}" if device is not None else text)


def pr_info(message: str, *arguments: object) -> None:
    _printk(logging.INFO, message, arguments)


def pr_warn(message: str, *arguments: object) -> None:
    _printk(logging.WARNING, message, arguments)


def pr_err(message: str, *arguments: object) -> None:
    _printk(logging.ERROR, message, arguments)


def dev_info(device: Named, message: str, *arguments: object) -> None:
    _printk(logging.INFO, message, arguments, device)


def dev_warn(device: Named, message: str, *arguments: object) -> None:
    _printk(logging.WARNING, message, arguments, device)


def dev_err(device: Named, message: str, *arguments: object) -> None:
    _printk(logging.ERROR, message, arguments, device)
