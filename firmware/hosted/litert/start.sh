#!/bin/sh
# Starts runner.py, beside it: in the Python environment `litert` next to the installed folders, else in the system's.
python=../litert/bin/python3
[ -x "$python" ] || python=python3
if ! command -v "$python" >/dev/null 2>&1; then
    printf 'runtime none\nreason no python3 there\nend 2 375018169\n'
    exit 0
fi
exec "$python" runner.py "$@"
