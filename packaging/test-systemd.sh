#!/usr/bin/env bash
# Runs the units of the Debian package under a real systemd: a Debian 12 that systemd-nspawn boots. Needs root, debootstrap and
# systemd-container.
#
#   packaging/test-systemd.sh DEB
#
# DEB is that of packaging/build-deb.sh. The bare system is that of packaging/test-deb.sh, which has to have run; this works on
# a copy of it in build/test-deb/booted.
set -euo pipefail

[ $# -eq 1 ] || { echo "usage: packaging/test-systemd.sh DEB" >&2; exit 2; }
[ "$(id -u)" -eq 0 ] || { echo "please run this as root: it boots a system in a folder" >&2; exit 1; }
command -v systemd-nspawn > /dev/null || { echo "please install systemd-container" >&2; exit 1; }
deb=$(realpath "$1")
cd "$(dirname "$0")/.."
folder=$PWD/build/test-deb
[ -e "$folder/bookworm/complete" ] || { echo "please run packaging/test-deb.sh first" >&2; exit 1; }
root=$folder/booted

rm -rf --one-file-system "$root"
cp -a --reflink=auto "$folder/bookworm" "$root"
cp /etc/resolv.conf "$root/etc/resolv.conf"
[ ! -e /etc/hosts ] || cp /etc/hosts "$root/etc/hosts"
cp "$deb" "$root/root/btfs.deb"
chroot "$root" env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive bash -euc '
    apt-get update -q > /dev/null
    apt-get install -y -q --no-install-recommends systemd-sysv libpam-systemd dbus-user-session /root/btfs.deb \
        > /root/apt.log 2>&1 || { tail -5 /root/apt.log; exit 1; }
    useradd -m ann
    sed -i "s/^#user_allow_other/user_allow_other/" /etc/fuse.conf' < /dev/null

# Script that runs in there, as a service.
cat > "$root/root/checks" <<'END'
exec 2>&1
check() {  # a description, then a command
    local what=$1
    shift
    if "$@"; then echo "ok: $what"; else echo "FAILED: $what"; fi
}
becomes() {  # within 20 s, the state of a unit: a scope, the unit, the state
    for _ in $(seq 100); do
        [ "$(systemctl $1 show -P ActiveState "$2")" = "$3" ] && return
        sleep 0.2
    done
    return 1
}
film_is_right() { su ann -c "cat '$1/film.mkv'" | cmp -s - /srv/film.mkv; }

head -c 2000000 /dev/urandom > /srv/film.mkv
cd /srv
btfs seed film.mkv -o film.torrent --port 7777 --no-dht --no-lsd --no-portmap > /dev/null 2>&1 &
for _ in $(seq 50); do [ -s film.torrent ] && break; sleep 0.1; done
chmod 644 film.torrent

unit="btfs@$(systemd-escape --path /mnt/other/my-films).service"
mkdir -p "/etc/systemd/system/$unit.d"
printf '[Service]\nEnvironment="BTFS_OPTIONS=--peer 127.0.0.1:7777 --no-dht -o allow_other"\n' \
    > "/etc/systemd/system/$unit.d/options.conf"
systemctl daemon-reload
check "the system's unit starts" systemctl start "$unit"
check "it is mounted when the start is done" mountpoint -q /mnt/other/my-films
check "it says so" grep -q "mounted at /mnt/other/my-films" <(systemctl show -P StatusText "$unit")
check "its process is the user btfs's" test "$(stat -c %U "/proc/$(systemctl show -P MainPID "$unit")")" = btfs
check "root adds a torrent" btfs add /srv/film.torrent --to /mnt/other/my-films
check "another user reads it" film_is_right /mnt/other/my-films
kill -9 "$(systemctl show -P MainPID "$unit")"
sleep 1
check "it is there again after a kill" becomes --system "$unit" active
check "with its torrent" film_is_right /mnt/other/my-films
check "it is reloaded" systemctl reload "$unit"
check "and goes on" film_is_right /mnt/other/my-films
check "it stops" systemctl stop "$unit"
check "and is not mounted then" test -z "$(findmnt -n /mnt/other/my-films)"
check "it has not failed" test "$(systemctl show -P Result "$unit")" = success
check "systemd has nothing to say against it" test -z "$(systemd-analyze --man=no verify "$unit" 2>&1)"
check "its exposure is 7.1 of 10 at most" sh -c 'systemd-analyze security --no-pager --threshold=71 "$1" > /dev/null' sh "$unit"

cat > /tmp/user <<'USER'
unit="btfs@$(systemd-escape --path "$HOME/films").service"
export XDG_RUNTIME_DIR=/run/user/$(id -u) DBUS_SESSION_BUS_ADDRESS=unix:path=/run/user/$(id -u)/bus
check "the user's unit starts" systemctl --user start "$unit"
check "it is mounted when the start is done" mountpoint -q "$HOME/films"
check "the user adds a torrent" btfs add /srv/film.torrent
kill -9 "$(systemctl --user show -P MainPID "$unit")"
sleep 1
check "it is there again after a kill" becomes --user "$unit" active
check "with its torrent" test -e "$HOME/films/film.mkv"
check "it stops" systemctl --user stop "$unit"
check "and is not mounted then" test -z "$(findmnt -n "$HOME/films")"
USER
systemctl start "user@$(id -u ann).service"
su ann -s /bin/bash -c "$(declare -f check becomes); $(cat /tmp/user)"
echo done
systemctl poweroff
END
cat > "$root/etc/systemd/system/checks.service" <<'END'
[Unit]
After=multi-user.target
[Service]
Type=simple
ExecStart=/bin/bash /root/checks
StandardOutput=file:/root/checks.log
[Install]
WantedBy=multi-user.target
END
chroot "$root" systemctl -q enable checks.service

# A node of its own: udev sets its mode on other systems, and none runs here.
mknod -m 666 "$root/fuse" c 10 229
timeout 180 systemd-nspawn -q -D "$root" --register=no --keep-unit --private-network --bind="$root/fuse:/dev/fuse" -b \
    > "$folder/console.log" 2>&1 < /dev/null || true
cat "$root/root/checks.log"
grep -q '^done$' "$root/root/checks.log" || { tail -5 "$folder/console.log"; echo "the checks did not end"; exit 1; }
! grep -q '^FAILED' "$root/root/checks.log" || exit 1
rm -rf --one-file-system "$root"
echo "== all passed"
