#!/usr/bin/env bash
# Everything EdgePrune needs on Debian or Ubuntu: system packages, a virtual environment, the package itself.
#
#   bash scripts/setup.sh [VENV] [EXTRAS]      default: .venv in the checkout, no extras
#
# Packages have the versions and digests of requirements/*.lock (scripts/lock.py writes them), whatever the index holds.
# What is there is left alone; a second run takes a moment. apt is called through sudo only when not root.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

venv=${1:-.venv}
extras=${2:-}

say() { printf '%s\n' "$*" >&2; }

as_root() {
    if [ "$(id -u)" -eq 0 ]; then "$@"; elif command -v sudo >/dev/null; then sudo "$@"; else
        say "error: needs root for: $*"
        say "hint: run that as root, then this script again"
        exit 1
    fi
}

apt_install() {
    say "installing system packages: $*"
    as_root env DEBIAN_FRONTEND=noninteractive apt-get update -qq
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

# Python 3.11 to 3.14 that can make virtual environments.
usable_python() {
    local candidate
    for candidate in python3 python3.14 python3.13 python3.12 python3.11; do
        if "$candidate" -c 'import sys, ensurepip, venv; sys.exit(not (3, 11) <= sys.version_info < (3, 15))' 2>/dev/null; then
            command -v "$candidate"
            return
        fi
    done
    return 1
}

wanted=()
command -v arm-none-eabi-gcc >/dev/null || wanted+=(gcc-arm-none-eabi) # no C library: the firmware brings what it needs
command -v qemu-system-arm >/dev/null || wanted+=(qemu-system-arm)
if ! [ -x "$venv/bin/python" ] && ! usable_python >/dev/null; then
    if python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
        wanted+=(python3-venv)
    else
        wanted+=(python3.11-venv) # Ubuntu 22.04's own Python is 3.10
    fi
fi
if [ ${#wanted[@]} -gt 0 ]; then
    if ! command -v apt-get >/dev/null; then
        say "error: missing: ${wanted[*]}, and there is no apt-get to install them with"
        say "hint: install the same tools with your system's package manager, then run this script again"
        exit 1
    fi
    apt_install "${wanted[@]}"
fi

if ! [ -x "$venv/bin/python" ]; then
    "$(usable_python)" -m venv "$venv"
fi

# Installed once for each state of pyproject.toml and the lock files, and choice of extras.
stamp="$venv/edgeprune-setup"
state="$(cat pyproject.toml requirements/*.lock | sha256sum | cut -d' ' -f1) ${extras:-none} $PWD"
if [ "$(cat "$stamp" 2>/dev/null)" != "$state" ]; then
    say "installing Python packages into $venv (1.3 GB on disk, 3.1 GB with the extra dev; some minutes)"
    pip() { "$venv/bin/python" -m pip --disable-pip-version-check "$@"; }
    plain=$(sed -n 's/^ *"\(torch==[^"]*\)".*/\1/p' pyproject.toml)
    torch=(-r requirements/torch.lock)
    locks=(-r requirements/run.lock -r requirements/build.lock)
    for extra in ${extras//,/ }; do locks+=(-r "requirements/$extra.lock"); done
    there=$("$venv/bin/python" -c 'import importlib.metadata as m; print(m.version("torch"))' 2>/dev/null || true)
    if [ "torch==${there%+*}" != "$plain" ]; then
        # PyTorch's CPU wheel: from the configured index where it has it, else through uv, which has the address of
        # PyTorch's own index. Whatever comes must have a digest of torch.lock.
        if ! pip install -q --no-deps --require-hashes "${torch[@]}" 2>/dev/null &&
            ! { pip install -q uv && "$venv/bin/python" -m uv pip install -q --python "$venv/bin/python" --no-deps \
                --require-hashes --torch-backend cpu "${torch[@]}"; } 2>/dev/null; then
            say "no CPU build of torch within reach: installing PyPI's $plain, which no lock file holds"
            pip install -q "$plain"
        fi
    fi
    pip install -q --no-deps --require-hashes "${locks[@]}"
    pip install -q --no-deps --no-build-isolation -e .
    pip check >/dev/null || say "warning: packages do not go together: $(pip check | head -3)"
    printf '%s\n' "$state" >"$stamp"
fi
