"""Players on a mount, on its streams over HTTP and on its playlists: each plays a film from its start, and from a place behind.

Says how long each takes from its start to its end, and what the mount fetches for it; a mount with an empty cache for each.
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from support import btfs
from support.films import make_film
from support.harness import TestCase, free_port, main
from support.users import GROUP, USER
from support.web import Web

SECONDS = 180
BEHIND = 144  # seconds, where a player seeks to: 80 % of the film
PATIENCE = 30  # seconds: a player that does not seek takes longer to get there
SEEDS, LIMIT = 2, "2500K"  # bytes a second of each: six times the film's rate
MOST_FETCHED = 0.6  # of a film that is played for a second; more would be all of it on the way to a place behind
MOST_PROBED = 2_000_000  # bytes for what a film is
FILMS = ("film.mkv", "film.mp4")
MPV = ("mpv", "--no-config", "--vo=null", "--ao=null", "--no-input-terminal", "--msg-level=all=error,statusline=status",
       "--term-status-msg=at ${=time-pos}")
VLC = ("cvlc", "--no-audio", "--vout", "dummy", "--play-and-exit")


class Players(TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="btfs-test.")
        cls.addClassCleanup(folder.cleanup)
        cls.films = Path(folder.name) / "Films"
        first = make_film(cls.films / FILMS[0], SECONDS, "1500K")
        for name in FILMS[1:]:
            subprocess.run(["ffmpeg", "-v", "error", "-i", first, "-c", "copy", cls.films / name], check=True,
                           stdin=subprocess.DEVNULL, timeout=60)

    def setUp(self):
        super().setUp()
        self.use_own_folders()
        self.folder.chmod(0o755)  # VLC runs as another user
        self.torrent = self.folder / "films.torrent"
        self.seeds = [btfs.Seed(self, self.films, self.torrent, "--piece-size", "64K", "--upload-limit", LIMIT, "--limit-local")
                      for _ in range(SEEDS)]
        self.mounts = 0

    def mount(self):
        self.mounts += 1
        folder = self.folder / f"mount.{self.mounts}"
        folder.mkdir()
        mount = btfs.Mount(self, self.torrent, peers=[seed.port for seed in self.seeds], cache=folder / "cache",
                           mountpoint=folder / "mnt", options=[f"--web=127.0.0.1:{free_port()}", "-o", "allow_other"])
        return mount, Web(mount)

    def played(self, ways=("mount", "HTTP")):
        """For each film and way to it: a new mount's page, words for both, and where the film is."""
        for name in FILMS:
            for way in ways:
                mount, web = self.mount()
                if way == "playlist":
                    place = self.folder / f"playlist.{self.mounts}.m3u"
                    web.status()
                    lines = web.ask(web.playlists + "Films")[2].decode().splitlines()
                    place.write_text("\n".join(line for line in lines if line.startswith("#EXTM3U") or line.endswith(name)) + "\n")
                else:
                    place = mount.mountpoint / "Films" / name if way == "mount" else web.url(f"Films/{name}")
                yield web, f"{name[-3:]}, {way}", str(place)
                mount.stop()

    def run_player(self, web, words, command, most=None, **options):
        began = time.monotonic()
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE, **options)
        took = time.monotonic() - began
        said = done.stdout + done.stderr
        self.assertEqual(done.returncode, 0, f"{command}: {said}")
        fetched = web.status()["received"]
        print(f"\n  {command[0]}, {words}: {took:.1f} s, {fetched / 1e6:.1f} MB", end="", file=sys.stderr, flush=True)
        self.assertLessEqual(fetched, MOST_FETCHED * (self.films / FILMS[0]).stat().st_size if most is None else most)
        return said

    def test_mpv(self):
        for start in (0, BEHIND):
            for web, words, place in self.played(("mount", "HTTP", "playlist")):
                said = self.run_player(web, f"{words}, {start} s", [*MPV, f"--start={start}", "--length=1", place])
                times = [float(time) for time in re.findall(r"at ([\d.]+)", said)]
                self.assertTrue(times, said)
                self.assertTrue(all(start <= time < start + 2 for time in times), times)
                left = re.sub(r"\x1b\[[\d;?]*[A-Za-z]|at [\d.]*|\s", "", said)
                self.assertEqual(left, "", "errors")

    def test_ffmpeg(self):
        for start in (0, BEHIND):
            for web, words, place in self.played():
                said = self.run_player(web, f"{words}, {start} s", ["ffmpeg", "-v", "error", "-ss", str(start), "-t", "1", "-i",
                                                                    place, "-an", "-progress", "-", "-f", "null", "-"])
                self.assertIn("frame=25\n", said)

    def test_ffprobe(self):
        for web, words, place in self.played():
            said = self.run_player(web, words, ["ffprobe", "-v", "error", "-show_entries", "format=duration", "-of", "csv=p=0",
                                                place], MOST_PROBED)
            self.assertAlmostEqual(float(said), SECONDS, delta=1)

    def test_vlc(self):
        home = self.folder / "home"
        home.mkdir()
        shutil.chown(home, USER)
        for start in (0, BEHIND):
            for web, words, place in self.played(("mount", "HTTP", "playlist")):
                said = self.run_player(web, f"{words}, {start} s",
                                       [*VLC, f"--start-time={start}", f"--stop-time={start + 1}", place, "vlc://quit"], user=USER,
                                       group=GROUP, extra_groups=[], env={"HOME": str(home), "PATH": os.environ["PATH"]})
                self.assertNotIn("VLC is unable to open", said)
                self.assertGreater(web.status()["received"], 100_000, said)

    def test_curl(self):
        for web, words, place in self.played(("HTTP",)):
            self.run_player(web, f"{words}, HEAD", ["curl", "-sfI", place], 0)
            self.run_player(web, f"{words}, the last 100 kB", ["curl", "-sf", "-r", "-100000", "-o", "/dev/null", place], 1_000_000)


if __name__ == "__main__":
    main(programs=("curl", "cvlc", "ffmpeg", "ffprobe", "mpv"))
