#!/usr/bin/env bash
# Runs each fuzz target of build/fuzz for some seconds, from its corpus: packaging/fuzz.sh [SECONDS] [TARGET...]
set -euo pipefail
cd "$(dirname "$0")/.."

seconds=${1:-60}
shift || true
passed=0
for program in build/fuzz/tests/fuzz/*_fuzz; do
    target=$(basename "$program")
    [ $# -eq 0 ] || [[ " $* " == *" $target "* ]] || continue
    work=$(mktemp -d)
    corpus=tests/fuzz/corpus/${target%_fuzz}
    [ -d "$corpus" ] || { echo "$corpus is missing: a target comes with its corpus" >&2; exit 1; }
    echo "fuzzing $target for $seconds s"
    if ! "$program" -max_total_time="$seconds" -rss_limit_mb=1024 -timeout=10 -print_final_stats=0 -verbosity=0 \
            -artifact_prefix="$work/" "$work" "$corpus" > "$work/log" 2>&1; then
        tail -n 40 "$work/log" >&2
        echo "$target failed; its input is in $work" >&2
        exit 1
    fi
    rm -rf "$work"
    passed=$((passed + 1))
done
echo "$passed fuzz targets passed"
