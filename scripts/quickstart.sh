#!/usr/bin/env bash
# From a bare Debian 12 or Ubuntu machine to firmware that has run on an emulated board and been profiled there.
#
#   bash scripts/quickstart.sh [OPTIONS OF 'edgeprune fit']
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

bash scripts/setup.sh .venv
exec .venv/bin/edgeprune fit --target cortex-m4 "$@"
