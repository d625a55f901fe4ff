#!/bin/sh
# Prints the path of a Python in [3.12, 3.14), or says on stderr what is missing and exits with 1.
# Every candidate is run: a pyenv shim on PATH may stand for no installed version and exit with 127.
set -u

probe='
import os, sys
good = (3, 12) <= sys.version_info[:2] < (3, 14) and sys.implementation.name == "cpython"
if good and os.environ.get("NEED_ENSUREPIP"):
    import ensurepip, venv
print(os.path.realpath(sys.executable) if good and sys.prefix == sys.base_prefix else sys.executable if good else "")
'

candidates() {
    [ -n "${PYTHON:-}" ] && command -v "$PYTHON"
    for name in python3.12 python3.13 python3 python; do
        echo "$PATH" | tr ':' '\n' | while read -r folder; do
            [ -x "$folder/$name" ] && echo "$folder/$name"
        done
    done
    ls -d "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.1[23]*/bin/python3 2>/dev/null
    if command -v uv >/dev/null 2>&1; then
        ls -d "$(uv python dir 2>/dev/null)"/cpython-3.1[23]*/bin/python3 2>/dev/null
    fi
    ls -d "$HOME"/.local/share/uv/python/cpython-3.1[23]*/bin/python3 /usr/local/bin/python3.1[23] \
        /opt/homebrew/bin/python3.1[23] 2>/dev/null
}

first() {
    candidates | while read -r candidate; do
        found=$("$candidate" -c "$probe" 2>/dev/null </dev/null) || continue
        [ -n "$found" ] && echo "$found" && break
    done
}

# uv makes environments by itself; without it a Python needs ensurepip, which Debian packs apart.
if ! command -v uv >/dev/null 2>&1; then
    NEED_ENSUREPIP=1
    export NEED_ENSUREPIP
fi
python=$(first)
if [ -n "$python" ]; then
    echo "$python"
    exit 0
fi
unset NEED_ENSUREPIP
python=$(first)
if [ -n "$python" ]; then
    echo "berthwatch: $python has no ensurepip; install it (Debian, Ubuntu: apt install python3-venv) or uv" >&2
else
    echo "berthwatch: no Python 3.12 or 3.13 found; install one, or name it: make setup PYTHON=/path/to/python3.12" >&2
fi
exit 1
