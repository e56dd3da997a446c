#!/usr/bin/env bash
# A folder with 64-bit Arm Debian's shell and tools, for sessions that stand in for a Raspberry Pi's: about 65 MB, a minute.
#
#   bash scripts/arm64_root.sh FOLDER
#   EDGEPRUNE_ARM64_ROOT=FOLDER python -m pytest -m slow tests/hosted/test_arm64.py
#
# Packages are unpacked and none of their scripts run: neither root nor binfmt_misc is needed. Its programs run through
# proot and qemu-aarch64-static. Needs mmdebstrap, proot, qemu-user-static, openssh-server.
set -euo pipefail

folder=${1:?usage: arm64_root.sh FOLDER}
mmdebstrap --arch=arm64 --variant=extract --skip=check/qemu \
    --include=dash,coreutils,tar,findutils,base-files,libc-bin,libstdc++6 bookworm "$folder"
