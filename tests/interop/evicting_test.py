"""Other people's clients download from a btfs that evicts half of what it has announced."""
import os
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from support import btfs
from support.content import differences, make_files
from support.harness import TestCase, main

MIB = 1 << 20
SIZE = 48 * MIB
# All of them together take half a minute.
UPLOAD_LIMIT = "6M"
CREATE = ("--piece-size", "256K", "--tracker", "http://127.0.0.1:1/announce")  # rTorrent wants one, though it is dead


class Evicting(TestCase):
    def test_nobody_holds_it_against_us_and_nothing_wrong_arrives(self):
        from support import real_clients
        content = make_files(self.folder / "from" / "content", {"film.mkv": SIZE - 333})
        torrent = self.folder / "content.torrent"
        seed = btfs.Seed(self, content, torrent, *CREATE)
        disk = self.folder / "disk"
        disk.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=120m", "tmpfs", disk], check=True)
        mount = btfs.Mount(self, torrent, peers=[seed.port], cache=disk / "cache",
                           options=["--cache-min-free", "28M", "--upload-limit", UPLOAD_LIMIT, "--limit-local"])
        self.assertEqual(differences(content, self.folder / "mnt" / "content"), "")
        mount.stop()
        seed.stop()

        clients = []
        for number, kind in enumerate((real_clients.Libtorrent, real_clients.Transmission, real_clients.Qbittorrent,
                                       real_clients.Aria2, real_clients.RTorrent)):
            name = kind.__name__
            folder = self.folder / f"{name}.content"
            folder.mkdir()
            clients.append(kind(self, name, f"127.0.0.{number + 2}", torrent, folder, 0))
        for client in clients:
            self.wait_for(client.is_ready, f"{client.name} that downloads", 60)
        mount = btfs.Mount(self, torrent, peers=[f"{client.address}:{client.port}" for client in clients],
                           cache=disk / "cache",
                           options=["--cache-min-free", "28M", "--upload-limit", UPLOAD_LIMIT, "--limit-local"])
        for client in clients:
            self.wait_for(lambda: client.totals().progress > 0.05, f"{client.name} that gets something", 60)

        before = self.bytes_cached(disk)
        free = os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize
        (disk / "others").write_bytes(bytes(free - MIB))  # 28 MiB are to stay free: a good half of the cache goes
        self.wait_for(lambda: self.bytes_cached(disk) < before * 0.6, "smaller cache", 30)
        self.assertLess(min(client.totals().progress for client in clients), 1, "it came too late")
        # Some ask for what has gone, and are answered; who cannot be told gets a new connection.
        for client in clients:
            self.wait_for(lambda: "127.0.0.1" in [connection.address for connection in client.connections()],
                          f"{client.name} that has a connection with us", 60)

        # Evicted pieces come from another peer. Transmission takes one connection from an address: it has to be free.
        mount.stop()
        btfs.Seed(self, content, torrent, *CREATE,
                  peers=[f"{client.address}:{client.port}" for client in clients])
        for client in clients:
            self.wait_for(lambda: client.totals().progress == 1, f"{client.name} that has everything", 120)
            self.assertEqual(client.trouble("127.0.0.1"), [], client.name)
            self.assertEqual(differences(content, self.folder / f"{client.name}.content" / "content"), "")
        self.assertNotIn("banned", mount.log())

    def bytes_cached(self, disk):
        return sum(file.stat().st_blocks * 512 for file in (disk / "cache").glob("*.data"))


if __name__ == "__main__":
    main(programs=["transmission-daemon", "qbittorrent-nox", "aria2c", "rtorrent"], modules=["libtorrent"])
