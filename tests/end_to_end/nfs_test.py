"""A mount that is exported over NFS: an NFS server opens files by handles that it has kept, and never by their paths."""
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from support import btfs
from support.content import make_files
from support.harness import TestCase, main

SIZES = {"film.mkv": 3_000_003, "clips/trailer.mp4": 700_000, "clips/a/b/deep.txt": 1_234}


def forget_inodes():
    """The kernel forgets entries and inodes that nobody uses."""
    Path("/proc/sys/vm/drop_caches").write_text("2")


class Nfs(TestCase):
    def setUp(self):
        super().setUp()
        self.content = make_files(self.folder / "from" / "content", SIZES)
        self.seed = btfs.Seed(self, self.content, self.folder / "content.torrent")

    def mount(self, *more):
        return btfs.Mount(self, *more, self.seed.torrent, peers=[self.seed.port])

    def expect_all_files(self, server):
        for name in SIZES:
            self.assertEqual(server.cat(f"content/{name}"), (self.content / name).read_bytes(), name)

    def test_files_are_read_though_the_kernel_forgets_their_inodes(self):
        from support.ganesha import Server
        mount = self.mount()
        server = Server(self, mount.mountpoint)
        for _ in range(3):
            self.expect_all_files(server)
            self.assertIn("deep.txt", server.ls("content/clips/a/b"))
            forget_inodes()
        self.assertNotIn("STALE", server.process.output.read_text(errors="replace"))


if __name__ == "__main__":
    main(programs=["ganesha.nfsd", "nfs-cat", "nfs-ls"])
