# SPDX-License-Identifier: MIT
"""`nicosim bench`: what is measured (cells.py), by whom (plan.py), and how it is shown (tables.py, plots.py).

The measuring itself happens inside the simulator: sim/jobs/bench.py.
"""
