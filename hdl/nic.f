# SPDX-License-Identifier: MIT
# The card's sources in dependency order, relative to hdl/. Runner, lint, synthesis and tests read only this list.
# packages
pkg/nic_pkg.sv
# common
common/nic_fifo.sv
# mac
# dma
# csr
# top
top/nic_top.sv
