"""Kodi without a screen or a sound device: films in a mount, over HTTP and of a playlist play, and seek, and cost what is seen."""
import http.client
import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from support import btfs
from support.films import make_film
from support.harness import TestCase, free_port, main
from support.web import Web

SECONDS = 240
SEEK_TO = 75  # percent
WITHIN = 20  # seconds, until it plays and after it seeks
LIMIT = "1500K"  # of the seed, a second: five times the film's rate
MOST_FETCHED = 0.6  # of the film, when it has played for seconds at its start and at 75 %
PROGRAM = Path("/usr/lib") / f"{os.uname().machine}-linux-gnu" / "kodi" / "kodi.bin"


class Kodi:
    """Kodi with a home of its own, on an X server of its own, told what to do over JSON-RPC."""

    def __init__(self, test):
        self.test = test
        home = test.folder / "home"
        (home / ".kodi" / "userdata").mkdir(parents=True)
        self.log = home / ".kodi" / "temp" / "kodi.log"
        self.port = free_port()
        # It plays in the time of its sound device: one that takes everything in real time.
        (home / ".asoundrc").write_text("pcm.!default { type null }\nctl.!default { type null }\n")
        (home / ".kodi" / "userdata" / "guisettings.xml").write_text(
            '<settings version="2">' + "".join(f'<setting id="{name}">{value}</setting>' for name, value in {
                "services.webserver": "true", "services.webserverport": self.port, "services.webserverauthentication": "false",
                "audiooutput.audiodevice": "ALSA:null", "general.addonupdates": 2}.items()) + "</settings>")
        display = test.folder / "display"
        with open(display, "wb") as file:
            test.start(["Xvfb", "-displayfd", str(file.fileno()), "-screen", "0", "640x360x24", "-nolisten", "tcp"],
                       pass_fds=[file.fileno()])
        number = test.wait_for(lambda: display.read_text().strip(), "X server")
        self.process = test.start([PROGRAM, "--windowing=x11", "--audio-backend=alsa"], env={
            "HOME": str(home), "PATH": os.environ["PATH"], "DISPLAY": f":{number}", "LIBGL_ALWAYS_SOFTWARE": "1",
            "XDG_RUNTIME_DIR": str(home), "LC_ALL": "C.UTF-8"})
        test.wait_for(self.is_up, "answer of Kodi")

    def ask(self, method, **parameters):
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": parameters}).encode()
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}/jsonrpc", body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=20) as answer:
            answer = json.load(answer)
        self.test.assertNotIn("error", answer, (method, parameters))
        return answer["result"]

    def is_up(self):
        if self.process.poll() is not None:
            self.test.fail(f"Kodi ended with {self.process.returncode}")
        try:
            return self.ask("JSONRPC.Ping") == "pong"
        except (OSError, http.client.HTTPException):
            return False

    def position(self):
        """Seconds at which the film is; None when nothing plays."""
        for player in self.ask("Player.GetActivePlayers"):
            now = self.ask("Player.GetProperties", playerid=player["playerid"], properties=["time", "totaltime"])
            if seconds_of(now["totaltime"]) > 0:
                self.player = player["playerid"]
                return seconds_of(now["time"])
        return None

    def wait_until_it_plays(self, start):
        """Until the film has moved on by a second at `start` or behind; how long that took."""
        began = time.monotonic()
        self.test.wait_for(lambda: (self.position() or 0) > start + 1, f"film that plays at {start} s", WITHIN)
        return time.monotonic() - began

    def play(self, place):
        """Plays a film from its start, then from a place behind."""
        self.ask("Player.Open", item={"file": str(place)})
        started = self.wait_until_it_plays(0)
        self.test.assertLess(self.position(), SECONDS * SEEK_TO / 200)
        self.ask("Player.Seek", playerid=self.player, value={"percentage": SEEK_TO})
        sought = self.wait_until_it_plays(SECONDS * SEEK_TO / 100)
        self.ask("Player.Stop", playerid=self.player)
        return started, sought


def seconds_of(time_of_day):
    return 60 * (60 * time_of_day["hours"] + time_of_day["minutes"]) + time_of_day["seconds"] + time_of_day["milliseconds"] / 1000


class OnKodi(TestCase):
    @classmethod
    def setUpClass(cls):
        # Kodi serves nothing, not even to its own machine, while it has no interface but loopback.
        for words in ("link add kodi0 type veth peer name kodi1", "address add 192.0.2.1/24 dev kodi0", "link set kodi0 up",
                      "link set kodi1 up"):
            subprocess.run(["ip", *words.split()], check=True)
        folder = tempfile.TemporaryDirectory(prefix="btfs-test.")
        cls.addClassCleanup(folder.cleanup)
        cls.films = Path(folder.name) / "Films"
        cls.film = make_film(cls.films / "film.mkv", SECONDS, "2M")

    def setUp(self):
        super().setUp()
        self.use_own_folders()
        self.kodi = Kodi(self)

    def mount(self):
        seed = btfs.Seed(self, self.films, self.folder / "films.torrent", "--upload-limit", LIMIT, "--limit-local")
        mount = btfs.Mount(self, seed.torrent, peers=[seed.port], options=[f"--web=127.0.0.1:{free_port()}"])
        self.web = Web(mount)
        return mount

    def plays(self, place):
        started, sought = self.kodi.play(place)
        print(f"plays after {started:.1f} s, after a seek {sought:.1f} s", end=" ", file=sys.stderr, flush=True)

    def plays_from_mount(self, place):
        self.plays(place)
        received, size = self.web.status()["received"], self.film.stat().st_size
        print(f"and {received / 1e6:.1f} of {size / 1e6:.1f} MB", end=" ", file=sys.stderr, flush=True)
        self.assertLess(received, MOST_FETCHED * size)

    def test_a_film_of_the_disk(self):
        self.plays(self.film)  # what Kodi does not play from there says nothing about a mount

    def test_a_film_in_a_mount(self):
        self.plays_from_mount(self.mount().mountpoint / "Films" / "film.mkv")

    def test_a_film_over_http(self):
        self.mount()
        self.plays_from_mount(self.web.url("Films/film.mkv"))

    def test_a_playlist_over_http(self):
        self.mount()
        self.web.status()
        playlist = self.folder / "films.m3u"
        playlist.write_bytes(self.web.ask(self.web.playlists + "Films")[2])
        self.plays_from_mount(playlist)


if __name__ == "__main__":
    main(programs=("Xvfb", "ffmpeg"), missing=lambda: "" if PROGRAM.exists() else "Kodi is not installed")
