#!/usr/bin/env bash
# Makes the pictures of the web page in packaging/pictures: of 390 and of 1400 pixels, light and dark.
#
#   packaging/picture-web.sh BTFS [FOLDER]
#
# It makes more of them than README.md shows, and those are committed. Mounts sample torrents that seeders on this machine serve. Needs chromium, ffmpeg, mpv and build/npm
# (packaging/install-npm-clients.sh).
set -euo pipefail

btfs=$(realpath "${1:?usage: packaging/picture-web.sh BTFS [FOLDER]}")
cd "$(dirname "$0")/.."
to=$(realpath -m "${2:-packaging/pictures}")
mkdir -p "$to"
work=$(mktemp -d)
export XDG_STATE_HOME=$work/state XDG_RUNTIME_DIR=$work/runtime XDG_CACHE_HOME=$work/xdg-cache
mkdir -p "$XDG_RUNTIME_DIR" "$work/from" "$work/torrents" "$work/mnt"
started=()
finish() {
    "$btfs" umount "$work/mnt" 2>/dev/null || true
    [ ${#started[@]} -eq 0 ] || kill "${started[@]}" 2>/dev/null || true
    wait
    rm -rf "$work"
}
trap finish EXIT

log() {
    echo "picture-web: $*" >&2
}

# sample NAME SIZE: a file of random bytes.
sample() {
    mkdir -p "$(dirname "$work/from/$1")"
    head -c "$2" /dev/urandom > "$work/from/$1"
}
log "making samples"
mkdir -p "$work/from/Harbour Lights S01/Extras"
ffmpeg -v error -f lavfi -i testsrc2=size=1280x720:rate=25:duration=50 -vf noise=alls=30:allf=t -c:v mpeg4 -b:v 9M -threads 2 \
    "$work/from/Harbour Lights S01/Harbour Lights S01E01.mkv"
for episode in 2 3 4 5 6; do sample "Harbour Lights S01/Harbour Lights S01E0$episode.webm" "$((31 + episode))M"; done
sample "Harbour Lights S01/Extras/making of.mp4" 9M
sample "Harbour Lights S01/Extras/poster.jpg" 310K
sample "Harbour Lights S01/readme.txt" 2K
sample "bookworm-netinst.iso" 48M
sample "The Quiet Valley (2021).mkv" 72M
sample "Field recordings 2019/01 Marsh.flac" 11M
sample "Field recordings 2019/02 Night train.flac" 14M
sample "Field recordings 2019/03 Rain.flac" 9M
sample "map tiles europe.zip" 36M
sample "Lectures on Weather/Lecture 1.mp4" 21M
sample "Lectures on Weather/Lecture 2.mp4" 24M
sample "wiki-dump-2026-05.xml.bz2" 27M
sample "Old Harbour Maps.pdf" 6M

options=(--no-dht --no-lsd --no-portmap)
port=$((20000 + RANDOM % 20000))
peers=()
for content in "$work"/from/*; do
    name=$(basename "$content")
    port=$((port + 1))
    "$btfs" seed "$content" -o "$work/torrents/$name.torrent" --port "$port" --piece-size 64K "${options[@]}" \
        >"$work/seed.log" 2>&1 &
    started+=($!)
    [[ $name == Old* ]] || peers+=(--peer "127.0.0.1:$port")
done
for content in "$work"/from/*; do
    for _ in $(seq 200); do
        [ -s "$work/torrents/$(basename "$content").torrent" ] && break
        sleep 0.1
    done
done

log "mounting"
web=$((port + 1))
"$btfs" mount -f --cache-dir "$work/cache" --cache-size 800M "${options[@]}" "${peers[@]}" --download-limit 3M --limit-local \
    "--web=127.0.0.1:$web" --port $((web + 1)) "$work/mnt" >"$work/mount.log" 2>&1 &
started+=($!)
for _ in $(seq 100); do
    curl -s "http://127.0.0.1:$web/api/status" -o "$work/status" && break
    sleep 0.1
done
add() {
    "$btfs" add --to "$work/mnt" "$@" >/dev/null
}
add "$work/torrents/Harbour Lights S01.torrent" --label tv
add "$work/torrents/The Quiet Valley (2021).mkv.torrent" --label films
add "$work/torrents/Field recordings 2019.torrent" --label music
for rest in bookworm-netinst.iso "map tiles europe.zip" "Lectures on Weather" wiki-dump-2026-05.xml.bz2 "Old Harbour Maps.pdf"; do
    add "$work/torrents/$rest.torrent"
done
add "magnet:?xt=urn:btih:0123456789abcdef0123456789abcdef01234567&dn=Letters+from+the+Coast" --label films
add "http://127.0.0.1:$web/no-such-file.torrent" 2>/dev/null || true

log "reading"
mnt=$work/mnt
head -c 9M "$mnt/The Quiet Valley (2021).mkv" >/dev/null
cat "$mnt/Field recordings 2019/01 Marsh.flac" >/dev/null
(cat "$mnt/bookworm-netinst.iso" >/dev/null; dd if="$mnt/map tiles europe.zip" of="$work/zip" bs=64K 2>/dev/null) &
started+=($!)
head -c 3M "$mnt/Harbour Lights S01/Harbour Lights S01E02.webm" >/dev/null
mpv --no-config --vo=null --ao=null --no-terminal --cache=no "$mnt/Harbour Lights S01/Harbour Lights S01E01.mkv" &
started+=($!)
log "taking pictures"
timeout 180 node packaging/picture-web.mjs build/npm/node_modules "http://127.0.0.1:$web/" "$to" "Harbour Lights S01"
ls -l "$to" >&2
