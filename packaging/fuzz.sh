#!/usr/bin/env bash
# Runs each fuzz target of build/fuzz for some seconds, from its corpus, as many at a time as there are processors:
#
#   packaging/fuzz.sh [SECONDS] [TARGET...]
set -euo pipefail
cd "$(dirname "$0")/.."

seconds=${1:-60}
shift || true

# Prints one line, or the end of the log and where the input is. 255 ends the others' queue.
fuzz() {
    local seconds=$1 target=$2 work
    local corpus=tests/fuzz/corpus/${target%_fuzz}
    [ -d "$corpus" ] || { echo "$corpus is missing: a target comes with its corpus" >&2; return 255; }
    work=$(mktemp -d)
    if ! "build/fuzz/tests/fuzz/$target" -max_total_time="$seconds" -rss_limit_mb=1024 -timeout=10 \
            -print_final_stats=0 -verbosity=0 -artifact_prefix="$work/" "$work" "$corpus" > "$work/log" 2>&1; then
        tail -n 40 "$work/log" >&2
        echo "$target failed; its input is in $work" >&2
        return 255
    fi
    rm -rf "$work"
    echo "$target: passed $seconds s"
}
export -f fuzz

targets=("$@")
if [ ${#targets[@]} -eq 0 ]; then
    for source in tests/fuzz/*_fuzz.cpp; do targets+=("$(basename "$source" .cpp)"); done
fi
printf '%s\0' "${targets[@]}" | xargs -0 -n 1 -P "$(nproc)" bash -c 'fuzz "$0" "$1"' "$seconds"
echo "${#targets[@]} fuzz targets passed"
