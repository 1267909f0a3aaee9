#!/usr/bin/env bash
# Installs what building needs on Debian 12, as far as it is missing; with "test" or "compare" also what testing, or
# tests/bench/compare.sh, needs.
set -euo pipefail

build=(ccache cmake g++ ninja-build pkg-config fuse3
       libboost1.81-dev libboost-json1.81-dev libboost-url1.81-dev libc-ares-dev libcli11-dev libfuse3-dev
       libminiupnpc-dev libnatpmp-dev libspdlog-dev libssl-dev zlib1g-dev)
tests=(libbenchmark-dev libgtest-dev libgmock-dev clang libclang-rt-14-dev
       aria2 attr curl ffmpeg iproute2 libnfs-utils mpv nfs-ganesha nfs-ganesha-vfs opentracker openssl procps psmisc python3 python3-libtorrent qbittorrent-nox
       transmission-cli transmission-daemon)
# They may be there from elsewhere, and then Debian's npm does not go with them.
command -v node >/dev/null || tests+=(nodejs)
command -v npm >/dev/null || tests+=(npm)
compare=(btfs iproute2 python3-libtorrent)

wanted=("${build[@]}")
case ${1:-} in
    test) wanted+=("${tests[@]}") ;;
    compare) wanted+=("${compare[@]}") ;;
esac

missing=()
for package in "${wanted[@]}"; do
    state=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
    [ "$state" = installed ] || missing+=("$package")
done
[ ${#missing[@]} -eq 0 ] && exit 0

as_root=()
if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || { echo "please install as root: apt-get install ${missing[*]}" >&2; exit 1; }
    as_root=(sudo)
fi
echo "installing: ${missing[*]}" >&2
export DEBIAN_FRONTEND=noninteractive
# No service of these packages may start by itself.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee "$policy" >/dev/null
    "${as_root[@]}" chmod +x "$policy"
    trap '"${as_root[@]}" rm -f "$policy"' EXIT
fi
"${as_root[@]}" apt-get update -q >&2
"${as_root[@]}" apt-get install -y -q --no-install-recommends "${missing[@]}" >&2
