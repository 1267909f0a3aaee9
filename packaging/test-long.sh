#!/usr/bin/env bash
# Runs the tests that take too long for every change: a thousand simulated swarms, a DHT of ten thousand nodes, a year of
# uptime in virtual time, all tests under ThreadSanitizer, a longer run of the fuzz targets, twenty minutes of readers on a
# small cache, and on request a film among real clients.
#
#   packaging/test-long.sh [SECONDS of each fuzz target [SECONDS of a film among other clients]]
set -euo pipefail
cd "$(dirname "$0")/.."

packaging/install-dependencies.sh test
packaging/install-npm-clients.sh
jobs=$(nproc)
# Cached objects are found again whatever folder the project is cloned into.
export CCACHE_BASEDIR=$PWD CCACHE_NOHASHDIR=1
# Tests time how long a process takes to end: TSan must not wait a second there.
export TSAN_OPTIONS=halt_on_error=1:second_deadlock_stack=1:atexit_sleep_ms=0

cmake --preset release > /dev/null
cmake --build build/release --target sim dht_sim year -j "$jobs"
build/release/tests/sim --seeds 1-100  # of each family; prints the tables of tests/sim/README.md
build/release/tests/sim --crowd 100 --seeds 1-3
build/release/tests/sim --crowd 1000 --mib 2 --seeds 1
build/release/tests/dht_sim 10000 300
build/release/tests/year

cmake --build build/release --target btfs -j "$jobs"
/usr/bin/python3 -B tests/long/soak.py build/release/btfs --seconds 1200
if [ "${2:-0}" -gt 0 ]; then
  /usr/bin/python3 -B tests/long/film_hour.py build/release/btfs --seconds "$2" --output build/film_hour
fi

cmake --preset tsan > /dev/null
cmake --build build/tsan -j "$jobs"
ctest --test-dir build/tsan -j "$jobs" --output-on-failure --no-tests=error

cmake --preset fuzz > /dev/null
cmake --build build/fuzz --target fuzz_targets -j "$jobs"
packaging/fuzz.sh "${1:-120}"
