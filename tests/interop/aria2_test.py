"""btfs and aria2."""
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from interop.exchange import Exchange, Unfinished
from support.harness import TestCase, end, free_port, main


class Aria2(Unfinished, Exchange, TestCase):
    dials = False
    unfinished_names = "content.aria2"
    options = ()

    def run_aria2(self, torrent, parent, *options):
        port = free_port()
        self.aria2 = self.start(["aria2c", "--no-conf", f"--dir={parent}", f"--listen-port={port}", "--disable-ipv6",
                                 "--enable-dht=false", "--enable-dht6=false", "--bt-enable-lpd=false",
                                 "--enable-peer-exchange=false", "--file-allocation=none", *self.options, *options,
                                 torrent])
        self.wait_for_port(port, self.aria2)
        return port

    def seed(self, torrent, parent):
        return self.run_aria2(torrent, parent, "--check-integrity=true", "--seed-ratio=0")

    def leech(self, torrent, parent):
        return self.run_aria2(torrent, parent, "--seed-time=0")

    def finish(self):
        self.assertEqual(self.aria2.wait(30), 0)

    def stop_client(self):
        end(self.aria2)


if __name__ == "__main__":
    main(programs=["aria2c"])
