# SPDX-License-Identifier: MIT
"""What the compiled models of host and wire share: the simulator's main loop, and events on their way to Python."""
