#!/usr/bin/env bash
# Installs what is missing, builds btfs twice (release; AddressSanitizer and UBSan), and passes all tests and
# a few seconds of each fuzz target.
set -euo pipefail
cd "$(dirname "$0")/.."

packaging/install-dependencies.sh test
packaging/install-npm-clients.sh

werror=OFF
[ -n "${CI:-}" ] && werror=ON
jobs=$(nproc)
# Cached objects are found again whatever folder the project is cloned into.
export CCACHE_BASEDIR=$PWD CCACHE_NOHASHDIR=1
export ASAN_OPTIONS=detect_leaks=1:abort_on_error=1 UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1

for preset in release asan; do
    echo "== $preset: build"
    cmake --preset "$preset" -DBTFS_WERROR="$werror" > /dev/null
    cmake --build "build/$preset" -j "$jobs"
    echo "== $preset: tests"
    # The long ones wait for other programs most of the time.
    ctest --test-dir "build/$preset" -j "$((2 * jobs))" --output-on-failure --no-tests=error
done

echo "== fuzz targets"
cmake --preset fuzz > /dev/null
cmake --build build/fuzz --target fuzz_targets -j "$jobs"
packaging/fuzz.sh 5

echo "== all passed"
