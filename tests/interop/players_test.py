"""Players on a mount and on its streams over HTTP: each plays a film from its start, and from a place behind."""
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from support import btfs
from support.films import make_film
from support.harness import TestCase, free_port, main
from support.users import GROUP, USER
from support.web import Web

SECONDS = 60
BEHIND = 50  # seconds, where a player seeks to
PATIENCE = 30  # seconds: a player that does not seek takes longer to get there
MPV = ("mpv", "--no-config", "--vo=null", "--ao=null", "--no-input-terminal", "--msg-level=all=error,statusline=status",
       "--term-status-msg=at ${=time-pos}")
VLC = ("cvlc", "--no-audio", "--vout", "dummy", "--play-and-exit")


class Players(TestCase):
    def setUp(self):
        super().setUp()
        self.use_own_folders()
        films = self.folder / "from" / "Films"
        for name in ("film.mkv", "film.mp4"):
            make_film(films / name, SECONDS)
        seed = btfs.Seed(self, films, self.folder / "films.torrent", "--piece-size", "64K")
        self.folder.chmod(0o755)  # VLC runs as another user
        mount = btfs.Mount(self, seed.torrent, peers=[seed.port], options=[f"--web=127.0.0.1:{free_port()}", "-o", "allow_other"])
        web = Web(mount)
        self.places = [place for name in ("film.mkv", "film.mp4")
                       for place in (str(mount.mountpoint / "Films" / name), web.url(f"Films/{name}"))]

    def plays(self, command, **options):
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE, **options)
        said = done.stdout + done.stderr
        self.assertEqual(done.returncode, 0, f"{command}: {said}")
        return said

    def test_mpv(self):
        for place in self.places:
            for start in (0, BEHIND):
                said = self.plays([*MPV, f"--start={start}", "--length=0.5", place])
                times = [float(time) for time in re.findall(r"at ([\d.]+)", said)]
                self.assertTrue(times, said)
                self.assertTrue(all(start <= time < start + 2 for time in times), times)
                self.assertEqual(re.sub(r"\x1b\[[\d;?]*[A-Za-z]|at [\d.]*|\s", "", said), "", "errors")

    def test_ffmpeg(self):
        for place in self.places:
            for start in (0, BEHIND):
                said = self.plays(["ffmpeg", "-v", "error", "-ss", str(start), "-t", "1", "-i", place, "-an", "-progress", "-", "-f",
                                   "null", "-"])
                self.assertIn("frame=25\n", said)

    def test_vlc(self):
        home = self.folder / "home"
        home.mkdir()
        shutil.chown(home, USER)
        for place in self.places:
            said = self.plays([*VLC, f"--start-time={BEHIND}", f"--stop-time={BEHIND + 1}", place, "vlc://quit"], user=USER,
                              group=GROUP, extra_groups=[], env={"HOME": str(home), "PATH": os.environ["PATH"]})
            self.assertNotIn("VLC is unable to open", said)


if __name__ == "__main__":
    main(programs=("cvlc", "ffmpeg", "mpv"))
