#!/usr/bin/env bash
# docs/start.md to the letter on a bare machine: a root folder of Debian 12 with apt and nothing else, the committed
# checkout in it, and every block of the page's commands but those for a board, in their order. As root; 4 GB, minutes.
#
#   sudo bash scripts/bare_root.sh FOLDER [BOUND...]
#
# FOLDER must not exist. BOUND: folders of this machine to be seen there, where apt or pip are set up to read packages
# from some. Needs mmdebstrap. Packages come from where this machine's apt and pip take them.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

root=${1:?usage: bare_root.sh FOLDER [BOUND...]}
shift
if [ "$(id -u)" -ne 0 ]; then
    echo "error: mounts and chroot need root" >&2
    echo "hint: sudo bash scripts/bare_root.sh $root" >&2
    exit 1
fi
mmdebstrap --quiet --variant=apt --include=ca-certificates bookworm "$root"
mkdir -p "$root/home/newcomer/edgeprune"
git archive HEAD | tar -x -C "$root/home/newcomer/edgeprune"
for file in /etc/resolv.conf /etc/pip.conf /etc/ssl/certs/ca-certificates.crt; do
    if [ -e "$file" ]; then cp -L --remove-destination "$file" "$root$file"; fi
done
cp -r /etc/apt/apt.conf.d/. "$root/etc/apt/apt.conf.d/"

# Blocks of `console` that need a board are left out; there is one, and it begins with `edgeprune devices`.
python3 - docs/start.md >"$root/home/newcomer/start.sh" <<'PYTHON'
import re, sys

page = open(sys.argv[1], encoding="utf-8").read()
blocks = [text for _, text in re.findall(r"^```(sh|console)\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)]
print("set -exo pipefail", *(text for text in blocks if not text.startswith("edgeprune devices")), sep="\n")
PYTHON

settings=$(env | grep -E '^(PIP_[A-Z_]*|[a-z]*_proxy)=' || true)
export root
unshare --mount bash -euo pipefail -s -- "$settings" "$@" <<'INSIDE'
settings=$1
shift
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
for folder in "$@"; do
    mkdir -p "$root$folder"
    mount --bind "$folder" "$root$folder"
done
readarray -t given <<<"$settings"
exec env -i HOME=/root TERM=dumb PATH=/usr/sbin:/usr/bin:/sbin:/bin ${settings:+"${given[@]}"} \
    chroot "$root" bash -c 'cd /home/newcomer/edgeprune && bash /home/newcomer/start.sh'
INSIDE
echo "docs/start.md works on a bare Debian $(cat "$root/etc/debian_version")"
