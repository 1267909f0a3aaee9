#!/usr/bin/env bash
# Installs the Debian package on a bare Debian 12 in place of Debian's btfs, mounts by a line of fstab, adds a magnet link as a
# browser does, upgrades and purges it. Needs root, /dev/fuse and debootstrap.
#
#   packaging/test-deb.sh DEB [TARBALL [SUITE...]]
#
# DEB and TARBALL are those of packaging/build-deb.sh. The tarball's program is run on other distributions, which have the
# packages fuse3 and openssl alone, and another libfuse than Debian 12: each SUITE of Debian or Ubuntu, by default trixie. Those of
# Ubuntu need the package ubuntu-keyring. Packages come from $DEBIAN_MIRROR or, without it, from where this system's apt has
# them, and from $UBUNTU_MIRROR. The bare systems are made in build/test-deb, and kept; each run works on a copy.
set -euo pipefail

[ $# -ge 1 ] || { echo "usage: packaging/test-deb.sh DEB [TARBALL [SUITE...]]" >&2; exit 2; }
[ "$(id -u)" -eq 0 ] || { echo "please run this as root: it makes a system in a folder" >&2; exit 1; }
command -v debootstrap > /dev/null || { echo "please install debootstrap" >&2; exit 1; }
deb=$(realpath "$1")
tarball=${2:+$(realpath "$2")}
suites=("${@:3}")
[ ${#suites[@]} -ne 0 ] || suites=(trixie)
cd "$(dirname "$0")/.."

folder=$PWD/build/test-deb
root=$folder/run
apt_mirror=$(apt-get indextargets --format '$(CODENAME) $(REPO_URI)' 'Created-By: Packages' |
    awk '$1 == "bookworm" { print $2; exit }')
mirror=${DEBIAN_MIRROR:-${apt_mirror:-http://deb.debian.org/debian}}

# Runs a script there, in namespaces that end with it.
inside() {
    unshare --mount --pid --net --ipc --uts --fork --kill-child=KILL bash -euc '
        mount --make-rprivate /
        ip link set lo up 2> /dev/null || true
        mount --bind "$1" "$1"
        mount -t proc proc "$1/proc"
        mount -t sysfs sysfs "$1/sys"
        mount --rbind /dev "$1/dev"
        # For users, too: udev sets the mode on other systems, and none may run here.
        [ -e "$1/fuse" ] || mknod -m 666 "$1/fuse" c 10 229
        mount --bind "$1/fuse" "$1/dev/fuse"
        mount -t tmpfs tmpfs "$1/run"
        exec chroot "$1" env -i HOME=/root PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 TERM=dumb \
            DEBIAN_FRONTEND=noninteractive bash -euo pipefail -c "$2"
    ' bash "$root" "$1" < /dev/null
}
# As inside(), with this machine's network: for apt.
apt_inside() {
    cp /etc/resolv.conf "$root/etc/resolv.conf"
    [ ! -e /etc/hosts ] || cp /etc/hosts "$root/etc/hosts"
    mount --bind /proc "$root/proc"
    chroot "$root" env -i HOME=/root PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 TERM=dumb \
        DEBIAN_FRONTEND=noninteractive bash -euo pipefail -c "$1" < /dev/null || { umount "$root/proc"; return 1; }
    umount "$root/proc"
}
# Makes $root a bare system of this suite.
fresh() {
    local bare=$folder/$1
    if [ ! -e "$bare/complete" ]; then
        rm -rf "$bare"
        mkdir -p "$bare"
        case $1 in
            bookworm | trixie | forky | duke | sid) debootstrap --variant=minbase --include=ca-certificates "$1" "$bare" "$mirror" ;;
            *)  # debootstrap knows Ubuntu by a script that all of its suites share
                debootstrap --variant=minbase --include=ca-certificates "$1" "$bare" \
                    "${UBUNTU_MIRROR:-http://archive.ubuntu.com/ubuntu}" gutsy ;;
        esac
        touch "$bare/complete"
    fi
    rm -rf --one-file-system "$root"
    cp -a --reflink=auto "$bare" "$root"
    printf '#!/bin/sh\nexit 101\n' > "$root/usr/sbin/policy-rc.d"  # no service starts there
    chmod +x "$root/usr/sbin/policy-rc.d"
}
say() { echo "== $*"; }

say "a newer version of the package"
version=$(dpkg-deb -f "$deb" Version)
rm -rf "$folder/newer"
mkdir -p "$folder"
dpkg-deb -R "$deb" "$folder/newer"
sed -i "s/^Version: .*/Version: $version+1/" "$folder/newer/DEBIAN/control"
dpkg-deb --root-owner-group -b "$folder/newer" "$folder/newer.deb" > /dev/null

fresh bookworm
cp "$deb" "$root/root/btfs.deb"
cp "$folder/newer.deb" "$root/root/newer.deb"

say "installed in place of Debian's btfs"
apt_inside '
    apt-get update -q > /dev/null
    apt-get install -y -q --no-install-recommends btfs desktop-file-utils xdg-utils > /root/apt.log 2>&1
    dpkg -l btfs | tail -1
    apt-get clean
    apt-get install -y -q --no-install-recommends /root/btfs.deb > /root/apt.log 2>&1 || { cat /root/apt.log; exit 1; }
    dpkg -l btfs-stream | tail -1
    [ "$(dpkg-query -W -f "\${db:Status-Status}" btfs)" != installed ] || { echo "Debian'"'"'s btfs is still there"; exit 1; }
    btfs --version
    dpkg -L btfs-stream > /root/files
    while read -r file; do [ -e "$file" ] || [ -L "$file" ] || case $file in
        /usr/share/man/* | /usr/share/doc/*) ;;  # which a small system may leave out
        *) echo "missing: $file"; exit 1 ;;
    esac; done < /root/files
    getent passwd btfs
    apt-get install -y -q --no-install-recommends -s btfs 2>&1 | grep -q "btfs-stream.*\(REMOVED\|Remv\)\|Remv btfs-stream" && echo "conflicts with btfs"'

say "a line of fstab, mounted by mount -a; the mount stays over an upgrade"
inside '
    mkdir -p /srv/content /mnt/film /root/work
    head -c 3000000 /dev/urandom > /srv/content/film.mkv
    cd /root/work
    btfs seed /srv/content -o /srv/content.torrent --port 7777 --no-dht --no-lsd --no-portmap > seed.txt 2>&1 &
    seed=$!
    for _ in $(seq 100); do grep -q ^peer: seed.txt && break; sleep 0.1; done
    echo "/srv/content.torrent /mnt/film btfs _netdev,nofail,peer=127.0.0.1:7777,no-dht,no-lsd,no-portmap 0 0" >> /etc/fstab
    mount -a
    findmnt -n -o TARGET,FSTYPE,OPTIONS /mnt/film
    diff -r /srv/content /mnt/film/content
    echo "every byte is right"
    dpkg -i /root/newer.deb > /root/upgrade.log 2>&1 || { cat /root/upgrade.log; exit 1; }
    dpkg -l btfs-stream | tail -1
    cmp /srv/content/film.mkv /mnt/film/content/film.mkv
    xdg-mime query default x-scheme-handler/magnet | grep btfs-
    xdg-mime default btfs-add.desktop x-scheme-handler/magnet
    printf "#!/bin/sh\nshift\nexec \"\$@\"\n" > /usr/local/bin/x-terminal-emulator  # as xterm -e COMMAND
    chmod +x /usr/local/bin/x-terminal-emulator
    DISPLAY=:9 xdg-open "magnet:?xt=urn:btih:0123456789abcdef0123456789abcdef01234567&dn=of%20a%20browser"
    btfs ls /mnt/film
    btfs ls /mnt/film | grep -q "of a browser"
    umount /mnt/film
    mount /mnt/film
    cmp /srv/content/film.mkv /mnt/film/content/film.mkv
    umount /mnt/film
    test -d /var/cache/btfs
    useradd -m ann
    su ann -c "
        cd
        mkdir -m 700 mnt run
        export XDG_RUNTIME_DIR=~/run
        btfs mount /srv/content.torrent mnt --wait --peer 127.0.0.1:7777 --no-dht --no-lsd --no-portmap
        cmp /srv/content/film.mkv mnt/content/film.mkv
        btfs umount mnt"
    kill $seed; wait $seed || true'

say "purged"
inside '
    dpkg --purge btfs-stream > /root/purge.log 2>&1 || { cat /root/purge.log; exit 1; }
    grep -i "warning" /root/purge.log || true
    while read -r file; do
        if [ -d "$file" ]; then  # others have it, too
            case $file in *btfs*) echo "left behind: $file"; exit 1 ;; esac
        elif [ -e "$file" ] || [ -L "$file" ]; then
            echo "left behind: $file"; exit 1
        fi
    done < /root/files
    left=$(find / -xdev -name "*btfs*" ! -path "/root/*" ! -path "/home/*" ! -path "/proc/*")
    [ -z "$left" ] || { echo "left behind: $left"; exit 1; }
    ! dpkg -s btfs-stream > /dev/null 2>&1 || { echo "dpkg still knows it"; exit 1; }
    echo "nothing left but the user: $(getent passwd btfs)"
    kept=$(du -sk /home/ann/.cache/btfs | cut -f1)
    [ "$kept" -ge 2900 ] || { echo "a user'"'"'s cache is gone: $kept KiB"; exit 1; }
    echo "and the caches of users: $kept KiB"'

for suite in ${tarball:+"${suites[@]}"}; do
    say "the tarball, on $suite"
    fresh "$suite"
    tar -C "$root" --keep-directory-symlink -xzf "$tarball"
    apt_inside '
        apt-get update -q > /dev/null
        apt-get install -y -q --no-install-recommends fuse3 openssl > /root/apt.log 2>&1
        sed -n "s/^PRETTY_NAME=//p" /etc/os-release
        ldd --version | head -1
        ldd /usr/local/bin/btfs
        btfs --version'
    inside '
        mkdir -p /srv/content /mnt/film
        head -c 300000 /dev/urandom > /srv/content/film.mkv
        cd /root
        btfs seed /srv/content -o /srv/content.torrent --port 7777 --no-dht --no-lsd --no-portmap > seed.txt 2>&1 &
        for _ in $(seq 100); do grep -q ^peer: seed.txt && break; sleep 0.1; done
        mount -t btfs /srv/content.torrent /mnt/film -o peer=127.0.0.1:7777,no-dht,no-lsd,no-portmap
        diff -r /srv/content /mnt/film/content
        echo "every byte is right"
        btfs umount /mnt/film'
done
rm -rf --one-file-system "$root"
say "all passed"
