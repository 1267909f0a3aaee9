"""btfs as mount(8) runs it: `mount -t btfs`, `mount -t fuse.btfs`, lines of fstab, a boot's bare environment."""
import json
import os
import pwd
import shutil
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from support import btfs
from support.content import differences, make_files
from support.harness import TestCase, free_port, main
from support.users import let_everybody_use_fuse

SBIN = Path("/sbin").resolve()


class MountHelper(TestCase):
    @classmethod
    def setUpClass(cls):
        """Puts the helpers into this mount namespace's /sbin, beside all that is there."""
        cls.root = Path("/run/btfs-mount-helper-test")
        shutil.rmtree(cls.root, ignore_errors=True)
        cls.root.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "tmpfs", cls.root], check=True)
        cls.addClassCleanup(subprocess.run, ["umount", "-l", cls.root], check=True)
        before, after = cls.root / "before", cls.root / "after"
        for folder in (before, after):
            folder.mkdir()
        subprocess.run(["mount", "--bind", SBIN, before], check=True)
        for entry in before.iterdir():
            (after / entry.name).symlink_to(entry)
        cls.program = cls.root / "bin" / "btfs"
        cls.program.parent.mkdir()
        shutil.copy(btfs.path(), cls.program)
        for name in ("mount.btfs", "mount.fuse.btfs"):
            (after / name).unlink(missing_ok=True)
            (after / name).symlink_to(cls.program)
        # mount(8) clears PATH, so mount.fuse3 finds btfs only in a folder of the system.
        for folder, place in ((after, SBIN), (cls.program.parent, Path("/usr/local/bin"))):
            subprocess.run(["mount", "--bind", folder, place], check=True)
            cls.addClassCleanup(subprocess.run, ["umount", "-l", place], check=True)
        cls.helpers = after

    def setUp(self):
        super().setUp()
        self.content = make_files(self.folder / "from" / "content", {"film.mkv": 300_000, "a/b": 7})
        self.torrent = self.folder / "content.torrent"
        self.seed = btfs.Seed(self, self.content, self.torrent)
        self.mountpoint = self.folder / "mnt"
        self.mountpoint.mkdir()
        self.cache = self.folder / "cache"
        self.ours = f"cache-dir={self.cache},port={free_port()},peer=127.0.0.1:{self.seed.port},no-dht,no-lsd,no-pex," \
                    "no-portmap"

    def run_mount(self, *words, **variables):
        """mount(8), as a boot runs it: with nothing in its environment. It clears HOME and PATH itself."""
        self.addCleanup(subprocess.run, ["umount", "-l", self.mountpoint], capture_output=True)
        return subprocess.run(["/usr/bin/mount", *map(str, words)], env=variables, stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=30)

    def assert_mounted(self, done):
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual(btfs.mounts(), [str(self.mountpoint)])
        self.assertEqual(differences(self.content, self.mountpoint / "content"), "")

    def unmount(self):
        """By mount(8)'s own means."""
        subprocess.run(["umount", self.mountpoint], check=True, timeout=20)
        self.wait_for(lambda: btfs.serving() == [self.seed.process.pid], "end of the process")
        self.assertEqual(btfs.mounts(), [])

    def test_both_types_are_known(self):
        for kind in ("btfs", "fuse.btfs"):
            with self.subTest(type=kind):
                self.assert_mounted(self.run_mount("-t", kind, self.torrent, self.mountpoint, "-o", self.ours))
                self.assertEqual(len(list(self.cache.glob("*.claims"))), 1)
                self.unmount()

    def test_without_a_helper_of_its_own_mount_fuse3_runs_btfs(self):
        helper = self.helpers / "mount.fuse.btfs"
        helper.unlink()
        self.addCleanup(helper.symlink_to, self.program)
        self.assert_mounted(self.run_mount("-t", "fuse.btfs", self.torrent, self.mountpoint, "-o", self.ours))
        self.unmount()

    def test_mount_fuse3_may_make_the_mount_and_run_btfs_without_rights(self):
        helper = self.helpers / "mount.fuse.btfs"
        helper.unlink()
        self.addCleanup(helper.symlink_to, self.program)
        let_everybody_use_fuse(self.folder / "dev")
        self.folder.chmod(0o711)
        self.cache.mkdir()
        shutil.chown(self.cache, "nobody")
        self.assert_mounted(self.run_mount("-t", "fuse.btfs", self.torrent, self.mountpoint, "-o",
                                           f"{self.ours},allow_other,setuid=nobody,drop_privileges"))
        pid, = [pid for pid in btfs.serving() if pid != self.seed.process.pid]
        self.assertEqual(os.stat(f"/proc/{pid}").st_uid, pwd.getpwnam("nobody").pw_uid)
        listed = btfs.run("ls", "--json", self.mountpoint)
        self.assertEqual([torrent["name"] for torrent in json.loads(listed.stdout)], ["content"], listed.stderr)
        self.unmount()

    def test_a_line_of_fstab_may_be_a_mount_without_a_source(self):
        fstab = self.folder / "fstab"
        state = Path("/var/lib/btfs")
        mine = self.root / "state"
        mine.mkdir(exist_ok=True)
        made = not state.exists()
        state.mkdir(exist_ok=True)
        if made:
            self.addCleanup(state.rmdir)
        subprocess.run(["mount", "--bind", mine, state], check=True)
        self.addCleanup(subprocess.run, ["umount", "-l", state], check=True)
        fstab.write_text(f"none {self.mountpoint} btfs {self.ours} 0 0\n")
        for names in ([], ["content"]):
            done = self.run_mount("--fstab", fstab, self.mountpoint)
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            self.assertEqual(os.listdir(self.mountpoint), names)
            self.assertEqual(btfs.run("add", self.torrent, "--to", self.mountpoint).returncode, 0)
            self.assertEqual(os.listdir(self.mountpoint), ["content"])
            self.unmount()

    def test_in_the_foreground_mount_8_would_wait_for_ever(self):
        done = self.run_mount("-t", "btfs", self.torrent, self.mountpoint, "-o", self.ours + ",foreground")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("mount option foreground", done.stderr)

    def test_a_line_of_fstab_may_say_what_is_not_for_btfs(self):
        fstab = self.folder / "fstab"
        words = ("_netdev,nofail,defaults,user,noauto,uid=1000,gid=1000,x-systemd.automount,"
                 "x-systemd.mount-timeout=30s,x-gvfs-show,comment=film")
        for kind in ("btfs", "fuse.btfs"):
            with self.subTest(type=kind):
                fstab.write_text(f"{self.torrent} {self.mountpoint} {kind} {words},{self.ours} 0 0\n")
                self.assert_mounted(self.run_mount("--fstab", fstab, self.mountpoint))
                self.unmount()

    def test_a_magnet_link_may_stand_in_fstab(self):
        fstab = self.folder / "fstab"
        told = btfs.run("info", self.torrent).stdout
        info_hash = next(line.split()[1] for line in told.splitlines() if line.startswith("info-hash"))
        fstab.write_text(f"magnet:?xt=urn:btih:{info_hash}&dn=a\\040film {self.mountpoint} btfs "
                         f"{self.ours},background,wait=20 0 0\n")
        self.assert_mounted(self.run_mount("--fstab", fstab, self.mountpoint))
        self.unmount()

    def test_the_cache_is_the_systems_whatever_the_environment_says(self):
        system = Path("/var/cache/btfs")
        mine = self.root / "cache"
        mine.mkdir(exist_ok=True)
        made = not system.exists()
        system.mkdir(exist_ok=True)
        if made:
            self.addCleanup(system.rmdir)
        subprocess.run(["mount", "--bind", mine, system], check=True)
        self.addCleanup(subprocess.run, ["umount", "-l", system], check=True)
        ours = self.ours.partition(",")[2]
        for variables in ({}, {"XDG_CACHE_HOME": str(self.folder / ".cache")}):
            self.assert_mounted(self.run_mount("-t", "btfs", self.torrent, self.mountpoint, "-o", ours, **variables))
            self.unmount()
            self.assertEqual(len(list(mine.glob("*.claims"))), 1)
        self.assertFalse((self.folder / ".cache").exists())

    def test_a_pretence_mounts_nothing(self):
        done = self.run_mount("-f", "-t", "btfs", self.torrent, self.mountpoint)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual(btfs.mounts(), [])
        self.assertEqual(btfs.serving(), [self.seed.process.pid])

    def test_what_cannot_be_mounted_is_an_error_of_mount(self):
        done = self.run_mount("-t", "btfs", self.folder / "missing.torrent", self.mountpoint, "-o", self.ours)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("missing.torrent", done.stderr)
        done = self.run_mount("-t", "btfs", self.torrent, self.mountpoint, "-o", self.ours + ",read-timeout=soon")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("read-timeout", done.stderr)
        self.assertEqual(btfs.mounts(), [])

    def test_what_is_installed_stands_where_mount_looks(self):
        build = Path(btfs.path()).parent
        destination = self.folder / "destination"
        done = subprocess.run(["cmake", "--install", build, "--prefix", "/usr/local"],
                              env={**os.environ, "DESTDIR": str(destination)}, capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertTrue(os.access(destination / "usr/local/bin/btfs", os.X_OK))
        for name in ("mount.btfs", "mount.fuse.btfs"):
            self.assertEqual(os.readlink(f"{destination}{SBIN}/{name}"), "/usr/local/bin/btfs")
        elsewhere = self.folder / "elsewhere"
        subprocess.run(["cmake", "--install", build, "--prefix", elsewhere], check=True, capture_output=True)
        self.assertEqual(os.readlink(elsewhere / "sbin/mount.btfs"), f"{elsewhere}/bin/btfs")


if __name__ == "__main__":
    main(programs=["cmake", "mount.fuse3"])
