#!/bin/sh
# Makes .venv with everything requirements.lock names, and berthwatch itself, editable.
# Needs the network the first time only: what is there already is not fetched again.
# The lock is taken as it stands (--no-deps): pip 23.2 lets `coverage[toml]` of another package stand beside a pinned
# `coverage`, picks the newest there is, and fails for want of its hash on the day that one appears.
set -eu
cd "$(dirname "$0")/.."

works() {
    [ -x .venv/bin/python ] && .venv/bin/python -c 'import sys; sys.exit(not (3, 12) <= sys.version_info[:2] < (3, 14))' 2>/dev/null
}

with_uv() {
    command -v uv >/dev/null 2>&1 || return 1
    works || uv venv --quiet --clear --python "$python" .venv || return 1
    uv pip install --quiet --python .venv/bin/python --no-deps --require-hashes -r requirements.lock || return 1
    uv pip install --quiet --python .venv/bin/python --no-deps --no-build-isolation --editable .
}

with_pip() {
    works && .venv/bin/python -m pip --version >/dev/null 2>&1 || "$python" -m venv --clear .venv || return 1
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements.lock || return 1
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
}

python=$(sh scripts/find_python.sh)
echo "setup: .venv from $python; about 1 GB, about 15 s with uv, one to four minutes with pip"
if with_uv; then
    echo "setup: done, with uv"
elif with_pip; then
    echo "setup: done, with pip"
else
    echo "setup: neither uv nor pip could install requirements.lock; what they said stands above" >&2
    exit 1
fi
