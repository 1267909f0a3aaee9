"""The page of `btfs mount --web`, in a real browser that web_page_test.mjs drives."""
import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from support import btfs, npm_programs
from support.content import make_files
from support.harness import TestCase, free_port, main

SCRIPT = Path(__file__).with_suffix(".mjs")
CHROMIUM = "/usr/bin/chromium"
# A page that took a name for markup would run this.
HOSTILE = "<img src=x onerror=document.title='broken'>"


def lacking():
    return npm_programs.lacks_browser() or ("" if os.path.exists(CHROMIUM) else "chromium is not installed")


class WebPage(TestCase):
    def setUp(self):
        super().setUp()
        self.use_own_folders()
        series = make_files(self.folder / "from" / "Series", {"Extras/notes.txt": 300_000, f"{HOSTILE}.bin": 1000})
        (series / "film.srt").write_bytes("1\r\n0:00:00,500 --> 00:00:02,000\r\n{\\an8}caf\u00e9 <i>one</i>\r\n\r\n".encode("cp1252"))
        (series / "film.de.vtt").write_text("WEBVTT\n\n00:00.250 --> 00:01.000\neins\n")
        subprocess.run(["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=size=160x120:rate=10:duration=3", "-c:v", "libvpx",
                        "-b:v", "300k", series / "film.webm"], check=True, timeout=30)
        other = make_files(self.folder / "from" / HOSTILE, {"a/one.txt": 20_000, "a/two.txt": 20_000, "three.txt": 20_000})
        self.seeds = [btfs.Seed(self, content, self.folder / f"{name}.torrent", "--piece-size", "16K")
                      for content, name in ((series, "series"), (other, "other"))]
        self.web_port = free_port()

    def mount(self, *options):
        mount = btfs.Mount(self, self.folder / "series.torrent", peers=[seed.port for seed in self.seeds],
                           options=(f"--web=127.0.0.1:{self.web_port}", *options))
        mount.find("web page at ")
        return mount

    def browse(self, part):
        """Runs one part of the script to its end; it fails if the browser's console says of any error."""
        done = subprocess.run(["node", SCRIPT, npm_programs.MODULES, CHROMIUM, f"http://127.0.0.1:{self.web_port}/", part,
                               self.folder / "other.torrent", HOSTILE], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=50)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_a_dropped_file_is_added_searched_and_shown_as_text(self):
        mount = self.mount()
        self.browse("adding")
        self.assertEqual(sorted(os.listdir(mount.mountpoint)), sorted(["Series", HOSTILE]))
        self.assertEqual(mount.mountpoint.joinpath(HOSTILE, "three.txt").stat().st_size, 20_000)

    def test_a_film_plays_in_the_browser(self):
        self.mount()
        self.browse("playing")

    def test_the_piece_map_shows_where_a_reader_is(self):
        mount = self.mount()
        with open(mount.mountpoint / "Series/Extras/notes.txt", "rb") as file:
            file.read(1000)
            self.browse("reading")

    def test_all_is_done_by_keyboard(self):
        mount = self.mount()
        self.browse("keyboard")
        self.assertEqual(os.listdir(mount.mountpoint), [], "the torrent is removed")

    def test_several_torrents_are_paused_and_one_is_removed_with_its_content(self):
        mount = self.mount()
        (mount.mountpoint / "Series/Extras/notes.txt").read_bytes()
        series = json.loads(btfs.run("info", "--json", self.folder / "series.torrent").stdout)["info_hash_v1"]
        kept = lambda: [path for path in (self.folder / "cache").rglob("*") if series in path.name and path.is_file()]
        self.assertNotEqual(kept(), [])
        self.browse("several")
        self.assertEqual(os.listdir(mount.mountpoint), [HOSTILE])
        self.wait_for(lambda: kept() == [], "end of what the cache has of it")

    def test_a_mount_that_goes_and_comes_again_is_noticed(self):
        mount = self.mount()
        browser = self.start(["node", SCRIPT, npm_programs.MODULES, CHROMIUM, f"http://127.0.0.1:{self.web_port}/", "outage"])
        said = lambda words: self.wait_for(lambda: words in browser.output.read_text(), words)
        said("there")
        mount.stop()
        said("gone")
        self.mount()
        said("again")
        self.assertEqual(browser.wait(20), 0, browser.output.read_text())

    def test_a_page_that_nobody_sees_asks_for_nothing(self):
        self.mount()
        self.browse("hidden")

    def test_a_browser_that_keeps_nothing_shows_all(self):
        self.mount()
        self.browse("storage")

    def test_the_password_is_asked_for_by_the_browser(self):
        secret = self.folder / "password"
        secret.write_text("correct horse\n")
        secret.chmod(0o600)
        self.mount("--web-password-file", secret)
        with self.assertRaises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(f"http://127.0.0.1:{self.web_port}/page/main.js", timeout=10)
        self.assertEqual(refused.exception.code, 401)
        self.assertIn("Basic", refused.exception.headers["WWW-Authenticate"])
        self.browse("password")


if __name__ == "__main__":
    main(programs=("node", "ffmpeg"), missing=lacking)
