#!/usr/bin/env bash
# Installs into build/npm what tests need from npm: BitTorrent clients, and the driver of a browser. Without them those
# tests are skipped.
set -euo pipefail
cd "$(dirname "$0")/.."

from=tests/support/npm
to=build/npm
cmp -s "$from/package-lock.json" "$to/installed-lock.json" && exit 0

mkdir -p "$to"
cp "$from/package.json" "$from/package-lock.json" "$to"
# No install script of a package is run: what is native in them is either not needed, or comes built (utp-native).
install=(npm ci --ignore-scripts --omit=optional --no-audit --no-fund --no-update-notifier
         --fetch-retries=1 --fetch-timeout=30000)
if (cd "$to" && timeout 300 "${install[@]}" >&2); then
    cp "$from/package-lock.json" "$to/installed-lock.json"
else
    echo "the packages from npm cannot be installed; tests that need them are skipped" >&2
fi
