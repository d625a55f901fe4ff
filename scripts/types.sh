#!/bin/sh
# mypy does not follow the mapping engine/ -> berthwatch, so it is given a tree of links that has it.
# With arguments, checks those modules only: scripts/types.sh berthwatch.cube
set -eu
cd "$(dirname "$0")/.."
python=${PYTHON:-.venv/bin/python}
root=$(pwd)
tree=build/types
mkdir -p "$tree/berthwatch"
ln -sfn "$root"/engine/* "$root/kernels" "$root/datasets" "$tree/berthwatch/"
find "$tree/berthwatch" -xtype l -exec rm -f {} +

modules="-p berthwatch"
if [ $# -gt 0 ]; then
    modules=""
    for module in "$@"; do modules="$modules -m $module"; done
elif [ -f benchmarks/__init__.py ]; then
    modules="$modules -p benchmarks"
fi
status=0
# shellcheck disable=SC2086
said=$(MYPYPATH="$tree" "$python" -m mypy --cache-dir .mypy_cache $modules 2>&1) || status=$?
echo "$said" | sed -e "s#$tree/berthwatch/kernels/#kernels/#" -e "s#$tree/berthwatch/datasets/#datasets/#" -e "s#$tree/berthwatch/#engine/#"
exit $status
