#!/usr/bin/env bash
# What the tests of Linux and Android devices run against, on Debian or Ubuntu: a real SSH server, the real adb, QEMU's
# user mode, and a folder of 64-bit Arm Debian. Without them those tests are skipped and say so.
#
#   bash scripts/device_tools.sh FOLDER      FOLDER gets the Debian; name it in EDGEPRUNE_ARM64_ROOT
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

folder=${1:?usage: device_tools.sh FOLDER}
root=()
[ "$(id -u)" -eq 0 ] || root=(sudo)
"${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get update -qq
"${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
    openssh-server openssh-client adb qemu-user qemu-user-static proot mmdebstrap arch-test gcc-aarch64-linux-gnu \
    g++ g++-aarch64-linux-gnu >/dev/null
bash scripts/arm64_root.sh "$folder"
