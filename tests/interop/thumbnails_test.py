"""Thumbnails of a folder of films in a mount, as a file manager has them made: each film costs its head, its index and a picture."""
import shutil
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from support import btfs
from support.films import make_film
from support.harness import TestCase, free_port, main
from support.web import Web

FILMS = 20
LEAST_SIZE = 20_000_000  # of a film
MOST_FETCHED = 6 << 20  # of each film
#: Programs that file managers start, by name, with what they are called with for a film and a picture. Those that are not installed
#: are left out, but for the first.
THUMBNAILERS = {
    "ffmpegthumbnailer": lambda film, picture: ["ffmpegthumbnailer", "-i", film, "-o", picture, "-s", "256"],
    "totem-video-thumbnailer": lambda film, picture: ["totem-video-thumbnailer", "-s", "256", film, picture],
    "gst-discoverer-1.0": lambda film, picture: ["gst-discoverer-1.0", film.as_uri()],
}


class Thumbnails(TestCase):
    def setUp(self):
        super().setUp()
        self.use_own_folders()
        self.films = self.folder / "from" / "Films"
        self.films.mkdir(parents=True)
        made = [make_film(self.folder / "made" / f"film.{kind}", 60, "3M") for kind in ("mkv", "mp4")]
        for number in range(FILMS):
            film = made[number % 2]
            self.assertGreater(film.stat().st_size, LEAST_SIZE)
            shutil.copy(film, self.films / f"Film {number:02}{film.suffix}")
        self.seed = btfs.Seed(self, self.films, self.folder / "films.torrent")

    def test_a_folder_costs_heads_indexes_and_a_picture_of_each_film(self):
        for program, command in THUMBNAILERS.items():
            if not shutil.which(program):
                continue
            with self.subTest(program):
                self.make_them(program, command)

    def make_them(self, program, command):
        folder = self.folder / program
        folder.mkdir()
        mount = btfs.Mount(self, self.seed.torrent, peers=[self.seed.port], cache=folder / "cache", mountpoint=folder / "mnt",
                           options=[f"--web=127.0.0.1:{free_port()}"])
        web = Web(mount)
        began = time.monotonic()
        for film in sorted((mount.mountpoint / "Films").iterdir()):
            picture = folder / f"{film.name}.png"
            done = subprocess.run(command(film, picture), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30,
                                  env={"HOME": str(folder), "PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"})
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            self.assertTrue(picture.exists() or "Duration" in done.stdout, done.stdout + done.stderr)
        took, fetched = time.monotonic() - began, web.status()["received"] / FILMS
        print(f"\n  {program}: {took / FILMS:.2f} s and {fetched / 1e6:.2f} MB a film", end="", file=sys.stderr, flush=True)
        self.assertLess(fetched, MOST_FETCHED)
        mount.stop()


if __name__ == "__main__":
    main(programs=("ffmpegthumbnailer", "ffmpeg"))
