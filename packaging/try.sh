#!/usr/bin/env bash
# Installs what is missing, builds btfs, and mounts a torrent:
#
#   packaging/try.sh TORRENT MOUNTPOINT
#
# With no argument it shows itself: a sample torrent, our own seeder on this machine, a mount, and a read of
# every byte of it while it downloads.
set -euo pipefail
cd "$(dirname "$0")/.."
repo=$PWD

packaging/install-dependencies.sh
cmake --preset try >&2
cmake --build --preset try >&2
btfs=$repo/build/try/btfs

if [ $# -eq 2 ]; then
    cd "${OLDPWD}"
    mkdir -p "$2"
    "$btfs" mount "$1" "$2"
    echo "mounted at $2; to end it: $btfs umount $2"
    exit 0
elif [ $# -ne 0 ]; then
    echo "usage: packaging/try.sh [TORRENT|MAGNET MOUNTPOINT]" >&2
    exit 2
fi

work=$(mktemp -d)
seeder=
cleanup() {
    "$btfs" umount "$work/mnt" 2>/dev/null || true
    [ -n "$seeder" ] && kill "$seeder" 2>/dev/null && wait "$seeder" 2>/dev/null
    rm -rf "$work"
}
trap cleanup EXIT

mkdir -p "$work/sample/clips" "$work/mnt"
head -c 40000000 /dev/urandom > "$work/sample/film.mkv"
head -c 3000000 /dev/urandom > "$work/sample/clips/trailer.mp4"
echo "A sample torrent." > "$work/sample/README.txt"

(cd "$work" && exec "$btfs" seed sample > seed.txt) &
seeder=$!
for _ in $(seq 100); do grep -q '^peer:' "$work/seed.txt" 2>/dev/null && break; sleep 0.1; done
peer=127.0.0.1:$(sed -n 's/^peer:.*:\([0-9]*\)$/\1/p' "$work/seed.txt")

echo "\$ btfs mount sample.torrent --peer $peer mnt"
"$btfs" mount "$work/sample.torrent" --peer "$peer" --cache-dir "$work/cache" "$work/mnt"
echo "\$ ls -lR mnt"
ls -lR "$work/mnt"
echo "\$ diff -r sample mnt/sample"
diff -r "$work/sample" "$work/mnt/sample"
echo "Every byte is right. Unmounting."
"$btfs" umount "$work/mnt"
