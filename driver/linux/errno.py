# SPDX-License-Identifier: MIT
"""Error numbers, positive; functions return them negated."""

import errno as _host
from typing import Final

EPERM: Final = 1
ENOENT: Final = 2
EIO: Final = 5
ENXIO: Final = 6
EAGAIN: Final = 11
ENOMEM: Final = 12
EACCES: Final = 13
EFAULT: Final = 14
EBUSY: Final = 16
EEXIST: Final = 17
ENODEV: Final = 19
EINVAL: Final = 22
ENFILE: Final = 23
ENOSPC: Final = 28
ERANGE: Final = 34
ENOSYS: Final = 38
EPROTO: Final = 71
EMSGSIZE: Final = 90
EPROTONOSUPPORT: Final = 93
EOPNOTSUPP: Final = 95
EADDRINUSE: Final = 98
EADDRNOTAVAIL: Final = 99
ENETDOWN: Final = 100
ENETUNREACH: Final = 101
ENOBUFS: Final = 105
ENOTCONN: Final = 107
ETIMEDOUT: Final = 110
ECONNREFUSED: Final = 111
EHOSTUNREACH: Final = 113
EALREADY: Final = 114
EINPROGRESS: Final = 115
ECANCELED: Final = 125


def errname(error: int) -> str:
    """`-ENOMEM` for -12: for messages."""
    sign = "-" if error < 0 else ""
    return sign + _host.errorcode.get(abs(error), str(abs(error)))
