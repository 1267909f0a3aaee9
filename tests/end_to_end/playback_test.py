"""A player, a film and a swarm that is little faster than the film: when it starts, what a jump takes, whether it
ever stalls."""
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from support import btfs
from support.harness import TestCase, main
from support.mpv import Player

SECONDS = 60
BYTES_PER_SECOND = 490_000  # of film
SEEDERS = 3
SWARM = 1.5  # times what the film needs

JUMPS = (30, 48, 15)
PLAY = 4  # seconds after the start and after each jump

# Bounds of the delays. One second of film takes two thirds of a second to come, and has to before the player goes on.
START_WITHIN = 5
JUMP_WITHIN = 6


def make_film(path):
    """Small pictures, filled up to a constant rate, so that neither making nor playing it needs a fast machine."""
    subprocess.run(
        ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc=size=320x180:rate=25", "-f", "lavfi", "-i", "sine",
         "-t", str(SECONDS), "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-g", "50",
         "-b:v", "3800k", "-maxrate", "3800k", "-bufsize", "3800k", "-x264-params", "nal-hrd=cbr",
         "-c:a", "aac", "-b:a", "96k", path], check=True, stdin=subprocess.DEVNULL, timeout=60)


class Playback(TestCase):
    def play(self, name):
        from support.libtorrent_peer import Peer
        film = self.folder / "from" / name
        film.parent.mkdir()
        make_film(film)
        size = film.stat().st_size
        self.assertAlmostEqual(size / SECONDS, BYTES_PER_SECOND, delta=BYTES_PER_SECOND / 20)
        if name.endswith(".mp4"):
            self.assertGreater(film.read_bytes().rindex(b"moov"), 0.9 * size, "the index is not at the end")

        torrent = btfs.create(self, film, self.folder / "film.torrent")
        limit = int(SWARM * BYTES_PER_SECOND / SEEDERS)
        # A fine tick: libtorrent would send twice a second what half a second allows, which no line does.
        seeders = [Peer(self, torrent, film.parent, upload_limit=limit, tick_interval=10)
                   for _ in range(SEEDERS)]
        for seeder in seeders:
            seeder.wait_for_seeding()
        mount = btfs.Mount(self, torrent, peers=[seeder.port for seeder in seeders])

        began = time.monotonic()
        player = Player(self, mount.mountpoint / name)
        start = player.wait_for_start(15)
        played = [player.play(PLAY)]
        jumps = []
        for place in JUMPS:
            jumps.append(player.jump(place, 15))
            played.append(player.play(PLAY))
        rate = sum(seeder.uploaded() for seeder in seeders) / (time.monotonic() - began)
        print(f"\n  {name}: started after {start:.2f} s, jumps {' '.join(f'{jump:.2f}' for jump in jumps)} s, "
              f"{player.stalls} stalls, played {' '.join(f'{p:.2f}' for p in played)} s of {PLAY}, "
              f"swarm at {rate / BYTES_PER_SECOND:.2f} times the film's rate ", flush=True)
        self.assertLess(rate, 1.1 * SWARM * BYTES_PER_SECOND, "the swarm was not thin")
        self.assertLess(start, START_WITHIN)
        self.assertLess(max(jumps), JUMP_WITHIN)
        self.assertEqual(player.stalls, 0)
        self.assertGreater(min(played), PLAY - 0.5)

    def test_an_mp4_with_its_index_at_the_end(self):
        self.play("film.mp4")

    def test_an_mkv(self):
        self.play("film.mkv")


if __name__ == "__main__":
    main(programs=["ffmpeg", "mpv"], modules=["libtorrent"])
