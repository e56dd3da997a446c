#!/bin/sh
# Starts runner.py, beside it: in the Python environment `litert` next to the installed folders, else in the system's.
for python in ../litert/bin/python3 python3; do
    if command -v "$python" >/dev/null 2>&1; then exec "$python" runner.py "$@"; fi
done
printf 'runtime none\nreason no python3 there\nend 2 375018169\n'
