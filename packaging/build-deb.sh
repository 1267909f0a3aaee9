#!/usr/bin/env bash
# Builds the Debian package btfs-stream, checks it with lintian, and builds a tarball for other distributions.
#
#   packaging/build-deb.sh [FOLDER]
#
# FOLDER gets btfs-stream_VERSION_ARCH.deb, its -dbgsym package and btfs-VERSION-linux-ARCH.tar.gz; build/deb if it is not
# given. The version is that of CMakeLists.txt. $DEBFULLNAME and $DEBEMAIL are the maintainer of the package; by default the
# author of the last commit. The work tree is built as it is, without what git ignores, in build/deb-tree.
#
# The tarball's program has all libraries in itself but glibc's and OpenSSL's, and so runs where glibc is as new as here or
# newer, and OpenSSL is 3. It is unpacked in /, and lies in /usr/local but for the helpers of mount(8).
set -euo pipefail
cd "$(dirname "$0")/.."

repo=$PWD
mkdir -p "${1:-build/deb}"
output=$(cd "${1:-build/deb}" && pwd)
packaging/install-dependencies.sh package

version=$(sed -n 's/^project(btfs VERSION \([0-9.]*\) .*/\1/p' CMakeLists.txt)
architecture=$(dpkg --print-architecture)
maintainer="${DEBFULLNAME:-$(git log -1 --format=%an)} <${DEBEMAIL:-$(git log -1 --format=%ae)}>"
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
export SOURCE_DATE_EPOCH

# Files keep their times, so that a second build goes on where the first one was.
tree=$repo/build/deb-tree/btfs-stream-$version
mkdir -p "$tree"
find "$tree" -mindepth 1 -maxdepth 1 ! -name 'obj-*' ! -name static -exec rm -rf {} +
git ls-files -z --cached --others --exclude-standard | tar -c --null --ignore-failed-read -T - | tar -x -C "$tree"
cp -a packaging/debian "$tree/debian"
sed -i "s/@MAINTAINER@/${maintainer//\//\\/}/" "$tree/debian/control"
cat > "$tree/debian/changelog" <<END
btfs-stream ($version) unstable; urgency=medium

  * What has changed is in CHANGELOG.md of the sources.

 -- $maintainer  $(date -u -R -d "@$SOURCE_DATE_EPOCH")
END

cd "$tree"
# debhelper gives the build a home of its own, where ccache would find nothing.
if command -v ccache > /dev/null; then
    CCACHE_DIR=${CCACHE_DIR:-$(ccache -k cache_dir)}
    export CCACHE_DIR CCACHE_BASEDIR=$tree CCACHE_NOHASHDIR=1
fi
echo "== btfs-stream $version for $architecture"
DEB_BUILD_OPTIONS="parallel=$(nproc) ${DEB_BUILD_OPTIONS:-}" dpkg-buildpackage -b -uc -us -nc
cp ../btfs-stream*_"$version"_"$architecture".*deb "$output/"

echo "== lintian"
lintian --allow-root --pedantic --display-info --fail-on error,warning ../btfs-stream_"$version"_"$architecture".changes

echo "== a tarball for other distributions"
name=btfs-$version-linux-$(uname -m)
# The flags of Debian's packages, hardening included.
export DEB_BUILD_MAINT_OPTIONS=hardening=+all DEB_CPPFLAGS_MAINT_APPEND=-DNDEBUG DEB_CXXFLAGS_MAINT_STRIP=-g
CXXFLAGS="$(dpkg-buildflags --get CXXFLAGS) $(dpkg-buildflags --get CPPFLAGS)" LDFLAGS=$(dpkg-buildflags --get LDFLAGS) \
    cmake -S . -B static -G Ninja -DCMAKE_BUILD_TYPE=None -DCMAKE_INSTALL_PREFIX=/usr/local \
    -DBUILD_TESTING=OFF -DBTFS_STATIC=ON -DBTFS_UNITY=ON -DBTFS_PCH=ON > /dev/null
cmake --build static -j "$(nproc)"
rm -rf "static/$name"
DESTDIR=$PWD/static/$name cmake --install static --strip > /dev/null
install -m 644 LICENSE README.md cli/MANUAL.md "static/$name/usr/local/share/doc/btfs-stream/"
# Licences of what is built in: the packages of all headers and archives that were used.
licences=static/$name/usr/local/share/doc/btfs-stream/licences
mkdir -p "$licences"
{
    ninja -C static -t deps | awk '$1 ~ "^/usr/" { print $1 }'
    ninja -C static -t commands btfs | grep -o '/usr/[^ ]*\.a\b' || true
    "${CXX:-c++}" -print-file-name=libstdc++.a
} | sort -u | xargs realpath | xargs dpkg -S | cut -d: -f1 | sort -u |
    while read -r package; do
        case $package in libc6-dev | linux-libc-dev) continue ;; esac  # of the system that the program runs on
        install -m 644 "/usr/share/doc/$package/copyright" "$licences/$package"
    done
tar -C static --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$SOURCE_DATE_EPOCH" -czf "$output/$name.tar.gz" \
    --transform "s,^$name/,," "$name/usr"
echo "libraries that it wants:"
ldd "static/$name/usr/local/bin/btfs" | sed 's/ =>.*//; s/ (.*//'
ls -l "$output"
