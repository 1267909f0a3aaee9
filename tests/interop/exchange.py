"""What btfs and each other client do for one another, as only peers."""
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

    def setUp(self):
        super().setUp()
        self.content = make_files(self.folder / "from" / "content", MIXED)
        self.torrent = self.folder / "content.torrent"
        self.target = self.folder / "to"
        self.target.mkdir()

    def btfs_seed(self, peers=()):
        return btfs.Seed(self, self.content, self.torrent, *self.create_options, peers=peers)

    def assert_reads_all(self, peer_port):
        mount = btfs.Mount(self, self.torrent, peers=[peer_port])
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
            self.assert_gets_all_from(lambda peers: btfs.Mount(self, self.torrent, peers=peers))
