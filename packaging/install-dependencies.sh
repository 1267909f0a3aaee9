#!/usr/bin/env bash
# Installs the Debian or Ubuntu packages that building needs, as far as they are missing: Debian 12 and 13, Ubuntu 24.04.
#
#   packaging/install-dependencies.sh [unit|test|compare|package]
#
# "unit" adds what the unit tests need, "test" what all tests need, "compare" what tests/bench/compare.sh needs, "package"
# what packaging/build-deb.sh needs.
set -euo pipefail

# "*" stands for a version: see resolve().
build=(ccache cmake g++ ninja-build pkg-config fuse3
       'libboost*-dev' 'libboost-json*-dev' 'libboost-url*-dev' libc-ares-dev libcli11-dev libfmt-dev libfuse3-dev
       libminiupnpc-dev libnatpmp-dev libncurses-dev libspdlog-dev libssl-dev zlib1g-dev)
unit=(libbenchmark-dev libgtest-dev libgmock-dev python3)
tests=("${unit[@]}" clang 'libclang-rt-*-dev'
       apache2-bin aria2 attr chromium curl dante-server ffmpeg ffmpegthumbnailer fish iproute2 kodi libglib2.0-bin libnfs-utils
       lighttpd microsocks minidlna miniupnpd-nftables mpv nfs-ganesha nfs-ganesha-vfs nftables man-db nginx openssl opentracker
       procps psmisc python3-libtorrent qbittorrent-nox rsync rtorrent squid tinyproxy transmission-cli transmission-daemon
       transmission-qt vlc-bin vlc-plugin-base xfsprogs xvfb zsh)
# They may be there from elsewhere, and then Debian's npm does not go with them.
command -v node >/dev/null || tests+=(nodejs)
command -v npm >/dev/null || tests+=(npm)
package=(debhelper dpkg-dev fakeroot lintian python3)
compare=(btfs iproute2 python3-libtorrent)

# Not in each of these distributions: a test that needs one of them is skipped where there is none. Debian 13 has no dante.
may_lack=(dante-server)

wanted=("${build[@]}")
case ${1:-} in
    '') ;;
    unit) wanted+=("${unit[@]}") ;;
    test) wanted+=("${tests[@]}") ;;
    compare) wanted+=("${compare[@]}") ;;
    package) wanted+=("${package[@]}") ;;
    *) echo "usage: packaging/install-dependencies.sh [unit|test|compare|package]" >&2; exit 2 ;;
esac

installed() {
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null || true)" = installed ]
}
offered() {
    [[ $(LC_ALL=C apt-cache policy "$1" 2>/dev/null) =~ Candidate:\ [^\(] ]]
}

# Prints the name of a package for "*" replaced by the first version that is installed or else offered. Boost's parts
# come in versions of 1.81 or newer, all of the same; clang's library in the version of the package clang.
boost_version() {
    local version
    for check in installed offered; do
        for version in 1.81 1.83 1.88 1.90; do
            "$check" "libboost-url$version-dev" && { echo "$version"; return; }
        done
    done
    echo 1.81
}
clang_version() {
    LC_ALL=C apt-cache depends clang 2>/dev/null | sed -n 's/.*Depends: clang-\([0-9]*\)$/\1/p' 
}
resolve() {
    case $1 in
        libboost*) echo "${1/\*/$(boost_version)}" ;;
        libclang*) echo "${1/\*/$(clang_version)}" ;;
        *) echo "$1" ;;
    esac
}

find_missing() {
    local package
    missing=() lacking=()
    for package in "${wanted[@]}"; do
        package=$(resolve "$package")
        if installed "$package"; then
            continue
        elif [[ " ${may_lack[*]} " = *" $package "* ]] && ! offered "$package"; then
            lacking+=("$package")
        else
            missing+=("$package")
        fi
    done
}

say_lacking() {
    [ ${#lacking[@]} -eq 0 ] || echo "not offered here, and left out: ${lacking[*]}" >&2
}

find_missing
[ ${#missing[@]} -eq 0 ] && { say_lacking; exit 0; }

as_root=()
if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || { echo "please install as root: apt-get install ${missing[*]}" >&2; exit 1; }
    as_root=(sudo)
fi
export DEBIAN_FRONTEND=noninteractive
# No service of these packages may start by itself.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee "$policy" >/dev/null
    "${as_root[@]}" chmod +x "$policy"
    trap '"${as_root[@]}" rm -f "$policy"' EXIT
fi
"${as_root[@]}" apt-get update -q >&2
find_missing  # with the lists of today
say_lacking
[ ${#missing[@]} -ne 0 ] || exit 0
echo "installing: ${missing[*]}" >&2
"${as_root[@]}" apt-get install -y -q --no-install-recommends "${missing[@]}" >&2
