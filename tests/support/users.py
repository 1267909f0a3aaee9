"""Ordinary users in a test that runs as root."""
import os
import shutil
import stat
import subprocess

from support import btfs

USER, GROUP = "nobody", "nogroup"


def let_everybody_use_fuse(folder):
    """Gives /dev/fuse the rights that Debian gives it, in this script's mount namespace; containers often do not."""
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=755,dev", "tmpfs", folder], check=True)
    node = folder / "fuse"
    os.mknod(node, 0o666 | stat.S_IFCHR, os.stat("/dev/fuse").st_rdev)
    node.chmod(0o666)
    subprocess.run(["mount", "--bind", node, "/dev/fuse"], check=True)
    subprocess.run(["umount", "--lazy", folder], check=True)


class OrdinaryUser:
    """A user who may mount, with a home below the test's folder and a copy of btfs to run."""

    def __init__(self, test):
        let_everybody_use_fuse(test.folder / "dev")
        test.folder.chmod(0o711)
        self.home = test.folder / "home"
        self.home.mkdir()
        shutil.chown(self.home, USER)
        self.program = shutil.copy(btfs.path(), test.folder / "btfs")

    def options(self):
        """Arguments of Popen, to run as this user."""
        return {"user": USER, "group": GROUP, "extra_groups": [], "cwd": "/",
                "env": {"HOME": str(self.home), "PATH": os.environ["PATH"], "XDG_RUNTIME_DIR": str(self.home)}}

    def run(self, *words):
        return subprocess.run([str(word) for word in words], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=30, **self.options())
