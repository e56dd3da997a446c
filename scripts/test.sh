#!/usr/bin/env bash
# Everything that has to hold: style, types, layers, tests. Runs them all, fails when one failed.
#
#   bash scripts/test.sh [PYTEST OPTIONS]      for example: -m "not hardware" adds the slow tests
#
# Uses the active virtual environment, else .venv in the checkout; installs what the tests need.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

venv=${VIRTUAL_ENV:-.venv}
bash scripts/setup.sh "$venv" dev || exit 1
PATH="$(cd "$venv" && pwd)/bin:$PATH"
export OMP_NUM_THREADS=1

failed=()
check() {
    printf '== %s\n' "$*"
    "$@" || failed+=("$1 ${2:-}")
}

check ruff check .
check ruff format --check .
check mypy
check lint-imports
check python -m pytest -q -n 2 --dist loadfile "$@"

if [ ${#failed[@]} -gt 0 ]; then
    printf 'failed: %s\n' "${failed[@]}" >&2
    exit 1
fi
