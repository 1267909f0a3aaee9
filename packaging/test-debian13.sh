#!/usr/bin/env bash
# Builds btfs on a bare Debian 13 and passes packaging/try.sh and the unit tests there. Needs root and debootstrap.
#
#   packaging/test-debian13.sh [SUITE]
#
# SUITE is another suite of Debian that debootstrap knows, as bookworm; trixie if it is not given. The system is made in
# build/SUITE, and kept for the next run with its packages, its build folders and its compiler cache. To begin with a bare
# system again: rm -r build/SUITE. $DEBIAN_MIRROR is where packages come from.
set -euo pipefail
cd "$(dirname "$0")/.."

suite=${1:-trixie}
root=$PWD/build/$suite
mirror=${DEBIAN_MIRROR:-http://deb.debian.org/debian}
[ "$(id -u)" -eq 0 ] || { echo "please run this as root: it makes a system in a folder" >&2; exit 1; }
command -v debootstrap >/dev/null || { echo "please install debootstrap" >&2; exit 1; }

seconds() { echo "== $1: $((SECONDS - began)) s"; began=$SECONDS; }
began=$SECONDS

if [ ! -e "$root/complete" ]; then
    rm -rf "$root"
    mkdir -p "$root"
    debootstrap --variant=minbase --include=ca-certificates "$suite" "$root" "$mirror"
    touch "$root/complete"
    seconds "a bare $suite"
fi

# The work tree as it is, without what git ignores. Files keep their times, so that builds go on where they were.
mkdir -p "$root/btfs"
find "$root/btfs" -mindepth 1 -maxdepth 1 ! -name build -exec rm -rf {} +
git ls-files -z --cached --others --exclude-standard | tar -c --null --ignore-failed-read -T - | tar -x -C "$root/btfs"
cp /etc/resolv.conf "$root/etc/resolv.conf"
[ -e /etc/hosts ] && cp /etc/hosts "$root/etc/hosts"

# Runs a command there, in /btfs, in namespaces that end with it.
inside() {
    unshare --mount --pid --fork --kill-child=KILL bash -euc '
        mount --make-rprivate /
        mount --bind "$1" "$1"
        mount -t proc proc "$1/proc"
        mount -t sysfs sysfs "$1/sys"
        mount --rbind /dev "$1/dev"
        mount -t tmpfs tmpfs "$1/run"
        root=$1
        shift
        exec chroot "$root" env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 TERM=dumb \
            ${CI:+CI=$CI} bash -euc "cd /btfs && exec \"\$@\"" bash "$@"
    ' bash "$root" "$@" < /dev/null
}

inside packaging/install-dependencies.sh unit
seconds "packages"
inside packaging/try.sh
seconds "packaging/try.sh"
inside cmake --preset release -DBTFS_WERROR=ON
inside cmake --build build/release
seconds "build of everything"
inside ctest --test-dir build/release -L '^(unit|house)$' -j "$(nproc)" --output-on-failure --no-tests=error
seconds "unit tests"
