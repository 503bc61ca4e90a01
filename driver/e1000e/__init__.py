# SPDX-License-Identifier: MIT
"""The driver of the card, shaped as Linux's e1000e.

    e1000e_driver(params) -> PciDriver, to be given to driver.linux.pci.pci_register_driver

Reading order: main (probe, remove), netdev (open, close, reset), tx, rx, irq, watchdog; under them mac, phy, nvm, hw.
"""

from driver.e1000e.main import e1000e_driver

__all__ = ["e1000e_driver"]
