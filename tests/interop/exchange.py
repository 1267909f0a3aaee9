"""What btfs and each other client do for one another, as only peers."""
import time

from support import btfs
from support.content import MIXED, differences, make_files


class Exchange:
    """Mixed into a TestCase that knows how to run its client:

    seed(torrent, parent) seeds from what lies in a folder, and gives its port;
    leech(torrent, parent) downloads into a folder, and gives its port;
    connect(port) makes it dial a peer, where dials is true; where not, btfs dials;
    finish() waits until it has everything, and ends it.
    """

    dials = True
    create_options = ()  # for the torrent file
    btfs_options = ()  # for each btfs that seeds or mounts

    def setUp(self):
        super().setUp()
        self.content = make_files(self.folder / "from" / "content", MIXED)
        self.torrent = self.folder / "content.torrent"
        self.target = self.folder / "to"
        self.target.mkdir()

    def btfs_seed(self, peers=()):
        return btfs.Seed(self, self.content, self.torrent, *self.create_options, *self.btfs_options,
                         peers=peers)

    def assert_reads_all(self, peer_port):
        mount = btfs.Mount(self, self.torrent, peers=[peer_port], options=self.btfs_options)
        self.assertEqual(differences(self.content, mount.mountpoint / "content"), "")
        return mount

    def assert_gets_all_from(self, start_source):
        port = self.leech(self.torrent, self.target)
        source = start_source(() if self.dials else (port,))
        if self.dials:
            self.connect(source.port)
        self.finish()
        # An empty file is not made by every client.
        said = [line for line in differences(self.content, self.target / "content").splitlines()
                if not line.endswith(": empty")]
        self.assertEqual(said, [])

    def test_reads_everything_from_it(self):
        btfs.create(self, self.content, self.torrent, *self.create_options)
        self.assert_reads_all(self.seed(self.torrent, self.content.parent))

    def test_gets_everything_from_a_seed(self):
        btfs.create(self, self.content, self.torrent, *self.create_options)
        self.assert_gets_all_from(self.btfs_seed)

    def test_gets_everything_from_a_mount_that_has_read_it(self):
        seed = self.btfs_seed()
        mount = self.assert_reads_all(seed.port)
        seed.stop()
        if self.dials:
            self.assert_gets_all_from(lambda peers: mount)
        else:
            mount.stop()
            self.assert_gets_all_from(lambda peers: btfs.Mount(self, self.torrent, peers=peers,
                                                               options=self.btfs_options))


class Unfinished:
    """What a client left behind in the middle of a download. Mixed in beside Exchange, of a client that has
    stop_client() too, and says what is named `unfinished_names` while it is not finished."""

    def leave_unfinished(self):
        """Lets it download a part, and ends it."""
        port = self.leech(self.torrent, self.target)
        seed = btfs.Seed(self, self.content, self.torrent, "--upload-limit", "3M", "--limit-local",
                         peers=() if self.dials else (port,))
        if self.dials:
            self.connect(seed.port)
        self.wait_for(self.has_part, "part of the download")
        self.stop_client()
        self.assertTrue(list(self.target.rglob(self.unfinished_names)), sorted(self.target.rglob("*")))
        seed.stop()
        # A file that changed within two seconds may change once more unseen, so it would be copied into the cache.
        ended = time.time()
        self.wait_for(lambda: time.time() > ended + 2.1, "old files")

    def has_part(self):
        return bytes_on_disk(self.target) > 6_000_000

    def test_what_it_left_unfinished_is_adopted_and_seeded_back(self):
        btfs.create(self, self.content, self.torrent)
        self.leave_unfinished()
        before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in self.target.rglob("*") if path.is_file()}
        seed = btfs.Seed(self, self.content, self.torrent)
        mount = btfs.Mount(self, self.torrent, peers=[seed.port], options=("--data", self.target))
        self.assertEqual(differences(self.content, mount.mountpoint / "content"), "")
        seed.stop()
        fetched = bytes_on_disk(mount.cache)
        self.assertLess(fetched, sum(MIXED.values()) - 3_000_000, "what was there was fetched, too")
        mount.stop()
        self.assertEqual({path: (path.read_bytes(), path.stat().st_mtime_ns) for path in self.target.rglob("*")
                          if path.is_file()}, before)

        # A second one of its kind gets all of it from there alone.
        unfinished, self.target = self.target, self.folder / "fresh"
        self.target.mkdir()
        self.assert_gets_all_from(lambda peers: btfs.Mount(self, self.torrent, peers=peers,
                                                           options=("--data", unfinished)))


def bytes_on_disk(folder):
    return sum(path.stat().st_blocks * 512 for path in folder.rglob("*") if path.is_file())
