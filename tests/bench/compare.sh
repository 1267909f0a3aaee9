#!/usr/bin/env bash
# Compares this btfs with Debian's package of the same name, inside this machine, and prints a table:
#
#   sudo tests/bench/compare.sh
#
# Installs what is missing, builds btfs in build/try, and takes some minutes. BTFS_BENCH_MIB is the size of the
# file (256), BTFS_BENCH_ROUNDS how often each program is measured (5).
set -euo pipefail
cd "$(dirname "$0")/../.."

[ "$(id -u)" -eq 0 ] || { echo "please run it as root: mounting and private networks need that" >&2; exit 1; }
packaging/install-dependencies.sh compare
cmake --preset release -DBUILD_TESTING=OFF -B build/try > /dev/null
cmake --build build/try --target btfs >&2
exec /usr/bin/python3 -B tests/bench/compare.py build/try/btfs
