"""btfs and opentracker: a seed and a mount that know of each other by the tracker alone."""
import re
import sys
import urllib.parse
import urllib.request
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from support import btfs
from support.content import MIXED, differences, make_files
from support.harness import TestCase, free_port, main


class Tracker(TestCase):
    def setUp(self):
        super().setUp()
        self.content = make_files(self.folder / "from" / "content", MIXED)
        self.torrent = self.folder / "content.torrent"
        self.port = free_port()

    def info_hash(self):
        return re.search(r"info-hash: +([0-9a-f]{40})", btfs.run("info", self.torrent).stdout)[1]

    def run_tracker(self):
        """opentracker as Debian builds it: only for torrents of its list, and only as another user than root."""
        btfs.create(self, self.content, self.torrent)
        root = self.folder / "tracker"
        root.mkdir()
        (root / "torrents").write_text(self.info_hash() + "\n")
        self.folder.chmod(0o755)
        tracker = self.start(["opentracker", "-i", "127.0.0.1", "-p", self.port, "-P", self.port, "-d", root,
                              "-u", "nobody", "-w", "/torrents"])
        self.wait_for_port(self.port, tracker)

    def peers_known(self, host):
        """Seeders and leechers that the tracker counts."""
        info_hash = urllib.parse.quote(bytes.fromhex(self.info_hash()))
        with urllib.request.urlopen(f"http://{host}:{self.port}/scrape?info_hash={info_hash}", timeout=5) as reply:
            answer = reply.read()
        def number(key):
            found = re.search(b"%d:%bi(\\d+)e" % (len(key), key), answer)
            return int(found[1]) if found else 0
        return number(b"complete"), number(b"incomplete")

    def assert_found_by(self, scheme, host):
        url = f"{scheme}://{host}:{self.port}/announce"
        seed = btfs.Seed(self, self.content, self.torrent, "--tracker", url)
        self.wait_for(lambda: self.peers_known(host) == (1, 0), "seed at the tracker")
        mount = btfs.Mount(self, self.torrent)
        self.assertEqual(differences(self.content, mount.mountpoint / "content"), "")
        self.wait_for(lambda: sum(self.peers_known(host)) == 2, "mount at the tracker")
        mount.stop()
        self.wait_for(lambda: self.peers_known(host) == (1, 0), "stopped mount that the tracker forgets", 5)
        seed.stop()
        self.wait_for(lambda: self.peers_known(host) == (0, 0), "stopped seed that the tracker forgets", 5)

    def test_http(self):
        self.run_tracker()
        self.assert_found_by("http", "127.0.0.1")

    def test_udp(self):
        self.run_tracker()
        self.assert_found_by("udp", "127.0.0.1")


if __name__ == "__main__":
    main(programs=["opentracker"])
