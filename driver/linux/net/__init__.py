# SPDX-License-Identifier: MIT
"""The core of networking (net/core, net/sched). Drivers import driver.linux.netdevice and driver.linux.napi instead."""
