#!/usr/bin/env bash
# Makes the pictures of the view of `btfs status`: a mount of its own, a seeder beside it, and mpv that plays from there.
#
#   packaging/picture-terminal.sh BTFS [FOLDER]
#
# Writes status-80x24.svg and status-200x50.svg to FOLDER (packaging/pictures). Needs ffmpeg, mpv, tmux and python3, and no
# network.
set -euo pipefail

[ $# -ge 1 ] || { echo "usage: packaging/picture-terminal.sh BTFS [FOLDER]" >&2; exit 2; }
here=$(dirname "$(realpath "$0")")
btfs=$(realpath "$1")
out=$(realpath "${2:-$here/pictures}")
for program in ffmpeg mpv tmux python3; do
    command -v "$program" >/dev/null || { echo "$program is not installed" >&2; exit 1; }
done

work=$(mktemp -d)
export XDG_RUNTIME_DIR=$work/run XDG_STATE_HOME=$work/state
mkdir -p "$work/run" "$work/from" "$work/torrents" "$work/mnt"
chmod 700 "$work/run"
pids=()
end() {
    tmux -L "btfs-picture-$$" kill-server 2>/dev/null || true
    for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
    "$btfs" umount "$work/mnt" >/dev/null 2>&1 || true
    wait
    rm -rf "$work"
}
trap end EXIT

film="$work/from/Night Train to Łódź (2026).mkv"
ffmpeg -loglevel error -f lavfi -i testsrc2=size=640x360:rate=24 -t 240 -c:v mjpeg -q:v 3 "$film"
mkdir -p "$work/from/A Series, Season 1" "$work/from/電影 Nº 5"
for episode in 1 2 3 4; do head -c 9M /dev/urandom >"$work/from/A Series, Season 1/Episode $episode.mkv"; done
head -c 5M /dev/urandom >"$work/from/電影 Nº 5/film.mp4"
head -c 12M /dev/urandom >"$work/from/debian-13.iso"

# Each torrent has seeders of its own, so that there are peers to look at; the film's are slow enough to be waited for.
peers=()
seed() {  # NAME OPTIONS...
    local name=$1; shift
    local log=$work/seed.${#pids[@]}
    : >"$log"
    "$btfs" seed "$work/from/$name" -o "$work/torrents/$name.torrent" --no-dht --no-lsd --no-pex --no-portmap "$@" \
        >"$log" 2>&1 &
    pids+=($!)
    for _ in $(seq 200); do grep -q 'peer: ' "$log" && break; sleep 0.1; done
    peers+=(--peer "127.0.0.1:$(sed -n 's/.*peer: .*:\([0-9]*\).*/\1/p' "$log" | head -1)")
}
for limit in 700K 400K 250K; do seed "$(basename "$film")" --upload-limit "$limit" --limit-local; done
seed "A Series, Season 1" --upload-limit 60K --limit-local
seed debian-13.iso
seed "電影 Nº 5"

"$btfs" mount "${peers[@]}" --cache-dir "$work/cache" --cache-size 300M --no-dht --no-lsd --no-pex --no-portmap --log-level off \
    "$work/torrents/"*.torrent "magnet:?xt=urn:btih:0123456789abcdef0123456789abcdef01234567&dn=Waiting+for+its+metadata" "$work/mnt"
cat "$work/mnt/debian-13.iso" >/dev/null
timeout 60 cat "$work/mnt/A Series, Season 1/Episode 2.mkv" >/dev/null 2>&1 &
pids+=($!)
mpv --no-config --vo=null --ao=null --really-quiet --cache=no "$work/mnt/$(basename "$film")" >/dev/null 2>&1 &
pids+=($!)

picture() {  # WIDTH HEIGHT KEYS...
    local width=$1 height=$2; shift 2
    tmux -L "btfs-picture-$$" -f /dev/null new-session -d -s "s$width" -x "$width" -y "$height" \
        "env -u NO_COLOR LC_ALL=C.UTF-8 '$btfs' status --interval 0.5 '$work/mnt'"
    tmux -L "btfs-picture-$$" set -g status off
    tmux -L "btfs-picture-$$" resize-window -t "s$width" -x "$width" -y "$height"
    for key in "$@"; do tmux -L "btfs-picture-$$" send-keys -t "s$width" "$key"; sleep 0.1; done
}
export LC_ALL=C.UTF-8
picture 80 24 / n i g h t Enter
picture 200 50 / n i g h t Enter
sleep 14
for size in "80 24" "200 50"; do
    read -r width height <<<"$size"
    tmux -L "btfs-picture-$$" capture-pane -e -p -N -t "s$width" >"$work/captured"
    python3 -B "$here/terminal_svg.py" "$width" "$height" <"$work/captured" >"$out/status-${width}x${height}.svg"
done
