#!/usr/bin/env bash
# Puts clients of npm's, with which tests speak, into build/npm. Without them those tests say so, and are skipped.
set -euo pipefail
cd "$(dirname "$0")/.."

from=tests/support/npm
to=build/npm
cmp -s "$from/package-lock.json" "$to/installed-lock.json" && exit 0

mkdir -p "$to"
cp "$from/package.json" "$from/package-lock.json" "$to"
# They need no native parts, so nothing of theirs is run or compiled.
install=(npm ci --ignore-scripts --omit=optional --no-audit --no-fund --no-update-notifier
         --fetch-retries=1 --fetch-timeout=30000)
if (cd "$to" && timeout 300 "${install[@]}" >&2); then
    cp "$from/package-lock.json" "$to/installed-lock.json"
else
    echo "npm's clients cannot be installed, and will not be tested with" >&2
fi
