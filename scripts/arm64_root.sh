#!/usr/bin/env bash
# A folder with 64-bit Arm Debian's shell, tools and Python, LiteRT for it in /opt/litert and TensorFlow Lite's last
# runtime in /opt/tflite-runtime, for sessions that stand in for a Raspberry Pi's: about 340 MB, two minutes.
#
#   bash scripts/arm64_root.sh FOLDER
#   EDGEPRUNE_ARM64_ROOT=FOLDER python -m pytest -m slow tests/hosted
#
# Packages are unpacked and none of their scripts run: neither root nor binfmt_misc is needed. Its programs run through
# proot and qemu-aarch64-static. Needs mmdebstrap, proot, qemu-user-static, openssh-server, and a Python with pip (PYTHON).
set -euo pipefail

folder=${1:?usage: arm64_root.sh FOLDER}
mmdebstrap --arch=arm64 --variant=extract --skip=check/qemu \
    --include=dash,coreutils,tar,findutils,base-files,libc-bin,libstdc++6,python3,python3-venv bookworm "$folder"
packages() { # of the environment /opt/NAME
    local name=$1
    shift
    proot -q "qemu-aarch64-static -cpu cortex-a72" -r "$folder" -b /dev -b /proc -w / \
        /usr/bin/python3 -m venv --without-pip "/opt/$name"
    "${PYTHON:-python3}" -m pip install -q --no-deps --only-binary=:all: --python-version 3.11 \
        --platform manylinux_2_34_aarch64 --platform manylinux_2_27_aarch64 --platform manylinux2014_aarch64 \
        --target "$folder/opt/$name/lib/python3.11/site-packages" "$@"
}
packages litert ai-edge-litert==2.3.0 'numpy>=1.23.2,<2.5'
packages tflite-runtime tflite-runtime==2.14.0 'numpy>=1.23.2,<2'
