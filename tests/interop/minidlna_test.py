"""MiniDLNA over a mount: a library is listed and costs little of each film, and a film streams from there."""
import shutil
import sqlite3
import sys
import time
import urllib.request
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from support import btfs
from support.films import make_film
from support.harness import TestCase, free_port, main
from support.web import Web

FILMS = 20
LEAST_SIZE = 20_000_000  # of a film
MOST_FETCHED = 6 << 20  # of each film, heads and indexes


class MiniDlna(TestCase):
    def setUp(self):
        super().setUp()
        self.use_own_folders()
        self.films = self.folder / "from" / "Films"
        made = [make_film(self.folder / "made" / f"film.{kind}", 60, "3M") for kind in ("mkv", "mp4")]
        self.films.mkdir(parents=True)
        for number in range(FILMS):
            film = made[number % 2]
            self.assertGreater(film.stat().st_size, LEAST_SIZE)
            shutil.copy(film, self.films / f"Film {number:02}{film.suffix}")
        seed = btfs.Seed(self, self.films, self.folder / "films.torrent")
        self.mount = btfs.Mount(self, seed.torrent, peers=[seed.port], options=[f"--web=127.0.0.1:{free_port()}"])
        self.web = Web(self.mount)

    def serve(self):
        """Starts it; waits until it has listed the films. Ids, paths and lengths of them."""
        database = self.folder / "db"
        database.mkdir()
        self.port = free_port()
        settings = self.folder / "minidlna.conf"
        settings.write_text(f"media_dir=V,{self.mount.mountpoint}/Films\ndb_dir={database}\nlog_dir={database}\nport={self.port}\n"
                            "network_interface=lo\nfriendly_name=test\ninotify=no\nuser=root\n")
        self.start(["minidlnad", "-S", "-f", settings, "-P", self.folder / "pid"])

        def listed():
            try:
                with sqlite3.connect(f"file:{database}/files.db?mode=ro", uri=True) as files:
                    rows = files.execute("SELECT DETAILS.ID, PATH, DURATION FROM DETAILS WHERE MIME LIKE 'video/%'").fetchall()
            except sqlite3.Error:
                return None  # not made yet, or being written
            return rows if len(rows) == FILMS else None
        return self.wait_for(listed, "list of all films")

    def test_a_library_is_listed_and_a_film_of_it_streams(self):
        began = time.monotonic()
        listed = self.serve()
        took = time.monotonic() - began
        for _, path, duration in listed:
            self.assertRegex(duration or "", "^0:0[01]:", path)
        fetched = self.web.status()["received"]
        print(f"{FILMS} films listed after {took:.1f} s, {fetched / FILMS / 1e6:.1f} MB of each ", end="", file=sys.stderr, flush=True)
        self.assertGreater(fetched, 0)
        self.assertLess(fetched, FILMS * MOST_FETCHED)

        number, path, _ = listed[1]
        film = (self.films / Path(path).name).read_bytes()
        place = len(film) // 2
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}/MediaItems/{number}{Path(path).suffix}",
                                         headers={"Range": f"bytes={place}-{place + 99_999}"})
        with urllib.request.urlopen(request, timeout=20) as answer:
            self.assertEqual((answer.status, answer.read()), (206, film[place:place + 100_000]))


if __name__ == "__main__":
    main(programs=("minidlnad", "ffmpeg"))
