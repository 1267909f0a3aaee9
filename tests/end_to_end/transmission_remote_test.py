"""Remotes made for Transmission control a mount: Debian's transmission-remote, npm's @ctrl/transmission, and what Sonarr
does from adding an episode to removing it."""
import base64
import json
import os
import re
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from support import btfs, npm_programs
from support.content import make_files
from support.harness import TestCase, free_port, main
from support.tracker import Tracker


class Remotes(TestCase):
    def setUp(self):
        super().setUp()
        self.use_own_folders()
        self.content = make_files(self.folder / "from" / "Show.S01E01",
                                  {"episode.mkv": 2_000_000, "notes.txt": 70_000, "sample.mkv": 100_000})
        self.torrent = self.folder / "show.torrent"
        self.seed = btfs.Seed(self, self.content, self.torrent, "--piece-size", "64K")
        self.hash = json.loads(btfs.run("info", "--json", self.torrent).stdout)["info_hash_v1"]
        self.magnet = f"magnet:?xt=urn:btih:{self.hash}&dn=Show.S01E01&x.pe=127.0.0.1:{self.seed.port}"
        self.mnt = self.folder / "mnt"
        self.library = self.folder / "library"

    def mount(self, *options, library=True, peers=True):
        self.port = free_port()
        chosen = [f"--web={self.port}", *options, *(["--library", self.library] if library else [])]
        return btfs.Mount(self, peers=[self.seed.port] if peers else [], options=chosen)


class TransmissionRemote(Remotes):
    def remote(self, *words):
        done = subprocess.run(["transmission-remote", f"127.0.0.1:{self.port}", *map(str, words)], capture_output=True,
                              text=True, timeout=30)
        return done.stdout + done.stderr

    def do(self, *words):
        said = self.remote(*words)
        self.assertRegex(said, r'responded: "?success\b', words)  # 4.1 leaves the quotes out
        return said

    def show(self, *words):
        said = self.remote(*words)
        self.assertNotRegex(said, r"(?i)error|couldn't", words)
        return said

    def fails(self, why, *words):
        self.assertIn(why, self.remote(*words), words)

    def row(self):
        """The columns of the only torrent in -l."""
        lines = self.show("-l").splitlines()
        self.assertEqual(len(lines), 3, lines)
        return lines[1]

    def info(self, key):
        found = re.search(rf"^ *{key}: (.*)$", self.show("-t", "all", "-i"), re.M)
        return found[1].strip() if found else None

    def add(self, *words):
        self.do(*words, "-a", self.torrent)
        self.assertIn("Show.S01E01", self.row())

    def test_a_magnet_is_added_listed_read_and_removed(self):
        self.mount()
        self.do("-a", self.magnet)
        self.assertIn("Show.S01E01", self.row())
        self.wait_for(lambda: "Seeding" in self.row() or "Idle" in self.row(), "its files")
        self.assertEqual((self.mnt / "Show.S01E01" / "notes.txt").read_bytes(), (self.content / "notes.txt").read_bytes())
        self.do("-a", self.magnet)  # a duplicate is a success, too
        self.assertEqual(len(self.show("-l").splitlines()), 3)
        self.do("-t", self.hash, "-r")
        self.assertEqual(os.listdir(self.mnt), [])
        self.assertEqual(len(self.show("-l").splitlines()), 2)

    def test_a_torrent_file_is_shown_in_full(self):
        self.mount()
        self.add()
        self.assertEqual(self.info("Hash"), self.hash)
        self.assertEqual(self.info("Location"), str(self.mnt))
        self.assertRegex(self.info("Total size"), r"^2\.1[67] MB")
        files = self.show("-t", "1", "-if")
        for name in ("episode.mkv", "notes.txt", "sample.mkv"):
            self.assertRegex(files, rf"Show\.S01E01/{name}")
        self.assertRegex(files, r"No +\S+ \S+ +Show")
        (self.mnt / "Show.S01E01" / "notes.txt").read_bytes()
        self.assertIn("127.0.0.1", self.show("-t", "1", "-ip"))
        self.assertRegex(self.show("-t", "1", "-ic"), r"^ +[01]+")
        self.show("-t", "1", "-it")

    def test_files_that_are_marked_are_pinned(self):
        self.mount()
        self.add()
        files = self.show("-t", "1", "-if").splitlines()
        sample = next(line.split(":")[0].strip() for line in files if "sample" in line)
        self.do("-t", "1", "-g", sample)
        self.assertIn("100%", self.wait_for(lambda: re.search(r"100%.*Yes.*sample.*", self.show("-t", "1", "-if")),
                                            "the file that was marked")[0])
        self.do("-t", "1", "-g", "all")
        self.wait_for(lambda: self.show("-t", "1", "-if").count("100%") == 3, "all files")
        self.assertRegex(self.row(), "100%")
        self.do("-t", "1", "-G", "all")
        self.assertEqual(self.show("-t", "1", "-if").count(" No "), 3)

    def test_labels_are_folders_of_the_library_and_stay(self):
        mount = self.mount()
        self.add()
        self.do("-t", "1", "-L", "tv,new")
        for label in ("tv", "new"):
            link = self.library / label / "Show.S01E01" / "episode.mkv"
            self.assertEqual(os.readlink(link), str(self.mnt / "Show.S01E01" / "episode.mkv"))
        self.assertEqual(self.info("Location"), str(self.library / "tv"))
        self.assertEqual((self.library / "tv" / "Show.S01E01" / "notes.txt").read_bytes(),
                         (self.content / "notes.txt").read_bytes())
        self.do("-t", "1", "-sr", "1.5")
        mount.stop()
        mount = self.mount()
        self.wait_for(lambda: self.info("Location") == str(self.library / "tv"), "what was added before")
        self.assertEqual(float(self.info("Ratio Limit")), 1.5)
        self.do("-t", "1", "-L", "new")
        self.assertFalse(os.path.lexists(self.library / "tv" / "Show.S01E01"))
        self.do("-t", "all", "-r")
        self.assertEqual(os.listdir(self.library / "new"), [])

    def test_limits_are_taken_and_told(self):
        self.mount()
        self.add()
        for words, key, told in ((("-sr", "2.5"), "Ratio Limit", "2.5"), (("-SR",), "Ratio Limit", "Unlimited"),
                                 (("-srd",), "Ratio Limit", "Default"), (("-d", "100"), "Download Limit", "100 kB/s"),
                                 (("-D",), "Download Limit", "Unlimited"), (("-u", "50"), "Upload Limit", "50 kB/s"),
                                 (("-U",), "Upload Limit", "Unlimited"), (("-pr", "33"), "Peer limit", "33"),
                                 (("-Bh",), "Bandwidth Priority", "High"), (("-Bl",), "Bandwidth Priority", "Low"),
                                 (("-Bn",), "Bandwidth Priority", "Normal"), (("-hl",), "Honors Session Limits", "Yes"),
                                 (("-HL",), "Honors Session Limits", "No")):
            self.do("-t", "1", *words)
            self.assertIn(told, self.info(key), words)
        for words in (("-ph", "all"), ("-pl", "all"), ("-pn", "all")):
            self.do("-t", "1", *words)

    def test_the_limit_of_all_torrents_slows_downloads(self):
        self.mount("--limit-local")
        self.add()
        self.do("-d", "200", "-u", "50")
        self.assertIn("Download speed limit: 200 kB/s", self.show("-si"))
        began = time.monotonic()
        self.do("-t", "1", "-g", "all")
        time.sleep(2)
        self.assertNotIn("100%", self.row())
        self.do("-D", "-U")
        self.wait_for(lambda: "100%" in self.row(), "all of it", 20)
        self.assertGreater(time.monotonic() - began, 2)

    def test_a_stopped_torrent_is_paused_and_a_started_one_goes_on(self):
        mount = self.mount()
        self.do("--start-paused", "-a", self.torrent)
        self.assertIn("Stopped", self.row())
        episode = self.mnt / "Show.S01E01" / "episode.mkv"
        with ThreadPoolExecutor() as threads:
            read = threads.submit(episode.read_bytes)
            try:
                self.wait_for(lambda: "the torrent is paused" in btfs.run("status", "--once", "--json", self.mnt).stdout,
                              "why it waits")
                time.sleep(1)
                self.assertFalse(read.done())
                self.assertIn('"had":0', btfs.run("ls", "--json", self.mnt).stdout)
            finally:
                self.do("-t", "1", "-s")
            self.assertEqual(read.result(timeout=20), (self.content / "episode.mkv").read_bytes())
        self.assertNotIn("Stopped", self.row())
        self.do("-t", self.hash, "-S")
        self.assertIn("Stopped", self.row())
        self.assertEqual(episode.read_bytes(), (self.content / "episode.mkv").read_bytes())  # from the cache
        mount.stop()
        self.mount()
        self.wait_for(lambda: "Stopped" in self.row(), "what was added before, paused")
        self.do("-t", "1", "-s")
        self.assertEqual((self.mnt / "Show.S01E01" / "notes.txt").read_bytes(), (self.content / "notes.txt").read_bytes())

    def test_a_torrent_of_the_command_line_stays_paused_over_mounts(self):
        def mount():
            self.port = free_port()
            return btfs.Mount(self, self.torrent, peers=[self.seed.port], options=[f"--web={self.port}"])
        def said(*words):
            done = btfs.run(*words)
            self.assertEqual(done.returncode, 0, done.stderr)
            return done.stdout
        running = mount()
        notes = self.mnt / "Show.S01E01" / "notes.txt"
        self.assertIn("paused: ", said("pause", notes))
        self.assertIn("no change: ", said("pause", self.hash, "--of", self.mnt))
        self.assertIn("paused", said("ls", self.mnt))
        self.do("-t", "1", "-L", "kept")
        running.stop()
        running = mount()
        self.assertRegex(said("ls", self.mnt), r"paused +kept")
        self.assertIn("resumed: ", said("resume", self.mnt))
        self.assertEqual(notes.read_bytes(), (self.content / "notes.txt").read_bytes())
        self.assertEqual(btfs.run("pause", "--of", self.mnt, "nothing").returncode, 1)

    def test_trackers_are_told_with_their_times_and_counts(self):
        tracker = Tracker(self, "127.0.0.1", counts=(3, 2))
        refused = f"http://127.0.0.1:{free_port()}/announce"
        self.mount()
        self.add()
        self.assertNotIn(" ago", self.remote("-t", "1", "-it"), "none was asked")
        self.do("-t", "1", "-td", tracker.http)
        self.wait_for(lambda: tracker.events, "an announce")
        told = self.wait_for(lambda: (found := self.remote("-t", "1", "-it")) and "Got a list of" in found and found, "its answer")
        self.assertRegex(told, r"Got a list of \d+ peers? [0-9]+ seconds?.* ago")
        self.assertRegex(told, r"Asking for more peers in (29|30) minutes")
        self.assertRegex(told, r"Tracker had 3 seeders and 2 leechers [0-9]+ seconds?.* ago")
        self.do("-t", "1", "-tr", "0")
        self.do("-t", "1", "-td", refused)
        told = self.wait_for(lambda: (found := self.remote("-t", "1", "-it")) and "Got an error" in found and found, "a refusal")
        self.assertRegex(told, r'Got an error "?Connection refused"? [0-9]+ seconds?.* ago')
        self.assertRegex(told, r"Asking for more peers in (1[0-9] seconds|[0-9] seconds?)")

    def test_trackers_are_added_and_removed_and_stay(self):
        tracker = Tracker(self, "127.0.0.1")
        port = tracker.http.split(":")[2].split("/")[0]
        mount = self.mount(peers=False)
        self.add()
        self.do("-t", "1", "-td", tracker.http)
        self.assertIn(f"127.0.0.1:{port}", self.show("-t", "1", "-it"))
        self.wait_for(lambda: "started" in tracker.events, "an announce")
        self.do("-t", "1", "-S")
        self.wait_for(lambda: tracker.events[-1] == "stopped", "its goodbye")
        self.do("-t", "1", "-s")
        self.wait_for(lambda: tracker.events[-1] == "started", "its return")
        mount.stop()
        self.mount(peers=False)
        self.wait_for(lambda: port in self.show("-t", "1", "-it"), "what was added before")
        self.wait_for(lambda: tracker.events[-2:] == ["stopped", "started"], "an announce of the next mount")
        self.do("-t", "1", "-tr", "0")
        self.assertNotIn(port, self.show("-t", "1", "-it"))
        self.wait_for(lambda: tracker.events[-1] == "stopped", "the goodbye to a tracker that was removed")

    def test_what_the_cache_has_is_verified_anew(self):
        mount = self.mount()
        self.add()
        episode = self.mnt / "Show.S01E01" / "episode.mkv"
        self.assertEqual(episode.read_bytes(), (self.content / "episode.mkv").read_bytes())
        mount.stop()
        mount = self.mount(peers=False)
        self.wait_for(lambda: "Show.S01E01" in self.row(), "what was added before")
        with open(mount.cache / f"{self.hash}.data", "r+b") as data:
            data.seek(1_000_000)
            byte = data.read(1)[0]
            data.seek(1_000_000)
            data.write(bytes([byte ^ 1]))
        self.do("-t", "1", "-v")
        mount.find("piece 15 of .* is damaged on disk")
        with open(episode, "rb") as file:
            self.assertEqual(file.read(65536), (self.content / "episode.mkv").read_bytes()[:65536])

    def seconds_to_read(self, path):
        began = time.monotonic()
        self.assertEqual(path.read_bytes(), (self.content / path.name).read_bytes())
        return time.monotonic() - began

    def test_a_torrent_downloads_and_uploads_at_its_own_limits(self):
        own = self.mount("--limit-local")
        self.add()
        self.do("-t", "1", "-d", "400")
        took = self.seconds_to_read(self.mnt / "Show.S01E01" / "episode.mkv")  # 2 MB
        self.assertGreater(took, 4)
        self.do("-t", "1", "-d", "10")  # 100 kB take longer than the 2 MB did
        self.do("-t", "1", "-D")
        self.assertLess(self.seconds_to_read(self.mnt / "Show.S01E01" / "sample.mkv"), took)

        self.do("-t", "1", "-u", "400")
        btfs.Mount(self, self.torrent, peers=[own.port], cache=self.folder / "other_cache", mountpoint=self.folder / "other")
        self.assertGreater(self.seconds_to_read(self.folder / "other" / "Show.S01E01" / "episode.mkv"), 4)

    def test_a_read_at_a_download_limit_of_zero_says_why_it_waits(self):
        mount = self.mount("--limit-local")
        self.add()
        (self.mnt / "Show.S01E01" / "notes.txt").read_bytes()  # peers are there
        why = "the download limit is 0"

        def is_told():
            readers = json.loads((self.mnt / ".btfs" / "status.json").read_text())["readers"]
            return [reader["why"] for reader in readers if reader["waiting"]] == [why]
        for limit, none in ((("-t", "1", "-d", "0"), ("-t", "1", "-D")), (("-d", "0"), ("-D",))):
            self.do(*limit)
            name = "episode.mkv" if "-t" in limit else "sample.mkv"
            with ThreadPoolExecutor() as pool:
                read = pool.submit((self.mnt / "Show.S01E01" / name).read_bytes)
                try:
                    self.wait_for(is_told, why, 10)
                    if "-t" in limit:
                        mount.find(rf"{name}.* {why}", 20)
                finally:
                    self.do(*none)
                self.assertEqual(read.result(30), (self.content / name).read_bytes())

    def test_limits_of_a_torrent_of_the_command_line_hold_in_the_next_mount(self):
        def mount():
            self.port = free_port()
            return btfs.Mount(self, self.torrent, peers=[self.seed.port], options=[f"--web={self.port}", "--limit-local"])
        running = mount()
        self.do("-t", "1", "-d", "400", "-pr", "7")
        running.stop()
        mount()
        self.assertIn("400 kB/s", self.info("Download Limit"))
        self.assertEqual(self.info("Peer limit"), "7")
        self.assertGreater(self.seconds_to_read(self.mnt / "Show.S01E01" / "episode.mkv"), 4)

    def test_what_a_mount_does_not_do_is_said(self):
        self.mount()
        self.add()
        self.do("-t", "1", "-s")
        self.do("-t", "1", "--reannounce")
        self.fails("does not move", "-t", "1", "--move", "/tmp")
        self.fails("does not move", "-t", "1", "--find", "/tmp")
        self.fails("while the mount stands", "-p", "12345")
        self.fails("asks no service", "-pt")
        self.fails("--ip-filter", "--blocklist-update")

    def test_the_session_is_shown_and_ends(self):
        mount = self.mount()
        self.add()
        session = self.show("-si")
        for line in ("Daemon version: 4.1.0 (btfs", f"Download directory: {self.library}", "Distributed hash table enabled: No",
                     "Peer limit: 500", "Upload speed limit: Unlimited"):
            self.assertIn(line, session)
        self.assertIn("CURRENT SESSION", self.show("-st"))
        self.do("--exit")
        mount.process.wait(timeout=10)

    def test_with_its_data_a_torrent_leaves_the_cache(self):
        mount = self.mount()
        self.add()
        (self.mnt / "Show.S01E01" / "notes.txt").read_bytes()
        kept = mount.cache / f"{self.hash}.claims"
        self.assertTrue(kept.exists())
        self.do("-t", "1", "-rad")
        self.wait_for(lambda: not kept.exists(), "an empty cache")
        self.assertEqual(os.listdir(self.mnt), [])

    def test_a_password_is_asked_for(self):
        password = self.folder / "password"
        password.write_text("secret\n")
        password.chmod(0o600)
        self.mount("--web-password-file", password)
        self.assertIn("password is missing", self.remote("-l"))
        self.assertIn("ID", self.remote("-n", "me:secret", "-l"))


class Sonarr(Remotes):
    """The requests that Sonarr makes, in its order. It imports by a copy of symlinks."""

    def request(self, body=None, session=None):
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}/transmission/rpc",
                                         data=None if body is None else json.dumps(body).encode())
        if session:
            request.add_header("X-Transmission-Session-Id", session)
        with urllib.request.urlopen(request, timeout=20) as answer:
            return json.load(answer)

    def log_in(self):
        with self.assertRaises(urllib.error.HTTPError) as refused:
            self.request()
        self.assertEqual(refused.exception.code, 409)
        self.session = refused.exception.headers["X-Transmission-Session-Id"]

    def ask(self, method, **arguments):
        answer = self.request({"method": method, "arguments": arguments}, self.session)
        self.assertEqual(answer["result"], "success", (method, answer))
        return answer["arguments"]

    FIELDS = ["id", "hashString", "name", "downloadDir", "totalSize", "leftUntilDone", "isFinished", "eta", "status",
              "secondsDownloading", "secondsSeeding", "errorString", "uploadedEver", "downloadedEver", "seedRatioLimit",
              "seedRatioMode", "seedIdleLimit", "seedIdleMode", "fileCount", "file-count", "labels"]

    def state(self):
        """As Sonarr tells states apart."""
        torrents = self.ask("torrent-get", fields=self.FIELDS)["torrents"]
        if not torrents:
            return None, None
        torrent = torrents[0]
        if torrent["errorString"]:
            return "Warning", torrent
        if torrent["totalSize"] == 0:
            return "Queued", torrent
        if torrent["leftUntilDone"] == 0 and torrent["status"] in (0, 5, 6):
            return "Completed", torrent
        return "Downloading", torrent

    def test_the_progress_of_a_verification_is_shown(self):
        large = self.folder / "large"
        with open(large, "wb") as file:
            for block in [os.urandom(1 << 20)] * 400:
                file.write(block)
        btfs.run("create", large, "-o", self.folder / "large.torrent", "--piece-size", "1M")
        self.port = free_port()
        btfs.Mount(self, self.folder / "large.torrent", options=[f"--web={self.port}", "--data", self.folder])
        self.log_in()
        self.wait_for(lambda: [t["status"] for t in self.ask("torrent-get", fields=["status"])["torrents"]] == [6], "the torrent")
        self.ask("torrent-verify", ids=[1])
        seen = []

        def has_ended():
            torrent = self.ask("torrent-get", fields=["status", "recheckProgress"])["torrents"][0]
            status = json.loads((self.mnt / ".btfs" / "status.json").read_text())["torrents"][0]
            seen.append((torrent["status"], torrent["recheckProgress"], status["verifying"]))
            return len(seen) > 1 and torrent["status"] == 6
        self.wait_for(has_ended, "the end of the verification", 60)
        checking = [progress for status, progress, _ in seen if status == 2]
        self.assertEqual({status for status, *_ in seen} - {1, 2, 6}, set())
        self.assertGreater(len(set(checking)), 2, seen)
        self.assertEqual(checking, sorted(checking))
        self.assertGreater(max(checking), 0.5, seen)
        self.assertLessEqual(max(checking), 1)
        self.assertEqual(seen[-1], (6, 0, None))
        self.assertIn(True, [verifying is not None and verifying > 0 for *_, verifying in seen])

    def test_an_episode_is_added_imported_by_link_and_removed(self):
        (self.library / "tv-sonarr").mkdir(parents=True)
        self.mount()
        self.log_in()
        session = self.ask("session-get")
        self.assertGreaterEqual(float(re.match(r"\d+\.\d+", session["version"])[0]), 2.4)
        download_dir = session["download-dir"]
        self.assertTrue(os.path.isdir(download_dir))
        added = self.ask("torrent-add", filename=self.magnet,
                         **{"download-dir": f"{download_dir}/tv-sonarr", "paused": False})["torrent-added"]
        self.assertEqual(added["hashString"], self.hash)
        self.ask("torrent-set", ids=[self.hash], seedRatioLimit=1.0, seedRatioMode=1, seedIdleLimit=60, seedIdleMode=1)
        self.ask("queue-move-top", ids=[self.hash])

        seen = set()
        def is_completed():
            state, self.item = self.state()
            seen.add(state)
            return state == "Completed"
        self.wait_for(is_completed, "Completed")
        self.assertLessEqual(seen, {"Queued", "Completed"})
        self.assertEqual(self.item["labels"], ["tv-sonarr"])
        self.assertEqual(self.item["seedIdleLimit"], 60)
        path = Path(self.item["downloadDir"]) / self.item["name"]
        self.assertEqual(path, self.library / "tv-sonarr" / "Show.S01E01")
        self.assertTrue(path.is_dir())

        # It imports file by file, and copies a symlink as one.
        series = self.folder / "series" / "Season 1"
        series.mkdir(parents=True)
        shutil.copy(path / "episode.mkv", series / "Show - S01E01.mkv", follow_symlinks=False)
        self.assertTrue((series / "Show - S01E01.mkv").is_symlink())
        self.assertEqual((series / "Show - S01E01.mkv").read_bytes(), (self.content / "episode.mkv").read_bytes())

        self.ask("torrent-remove", ids=[self.hash], **{"delete-local-data": True})
        self.assertEqual(self.state(), (None, None))
        self.assertEqual(os.listdir(self.library / "tv-sonarr"), [])

    def test_an_episode_nobody_has_is_not_completed(self):
        self.mount(peers=False)
        self.log_in()
        self.ask("torrent-add", filename=f"magnet:?xt=urn:btih:{self.hash}", labels=["tv"])
        for _ in range(5):
            self.assertEqual(self.state()[0], "Queued")
            time.sleep(0.1)

    def test_a_torrent_file_without_a_library_is_in_the_mount(self):
        self.mount(library=False)
        self.log_in()
        self.assertEqual(self.ask("session-get")["download-dir"], str(self.mnt))
        self.ask("torrent-add", metainfo=base64.b64encode(self.torrent.read_bytes()).decode(),
                 **{"download-dir": f"{self.mnt}/tv"})
        state, item = self.state()
        self.assertEqual((state, item["downloadDir"], item["labels"]), ("Completed", str(self.mnt), ["tv"]))
        self.assertTrue((Path(item["downloadDir"]) / item["name"]).is_dir())

    def test_both_forms_at_once_and_other_hosts(self):
        self.mount()
        self.log_in()
        new = self.request([{"jsonrpc": "2.0", "method": "session_get", "params": {"fields": ["version"]}, "id": 1},
                            {"jsonrpc": "2.0", "method": "torrent_get", "params": {"fields": ["id"]}, "id": 2}], self.session)
        self.assertEqual([answer["id"] for answer in new], [1, 2])
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}/transmission/rpc", data=b"{}",
                                         headers={"Host": "evil.example"})
        with self.assertRaises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(request, timeout=20)
        self.assertEqual(refused.exception.code, 421)


class CtrlTransmission(Remotes):
    def test_the_client_of_npm_does_all_it_can(self):
        why = npm_programs.missing()
        if why:
            self.lacks(why)
        self.mount()
        done = subprocess.run(["node", npm_programs.SCRIPTS / "transmission.mjs", npm_programs.MODULES,
                               f"http://127.0.0.1:{self.port}/", self.magnet, self.library / "tv"],
                              capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        said = {}
        for line in done.stdout.splitlines():
            said.update(json.loads(line))
        self.assertEqual(said["session"]["downloadDir"], str(self.library))
        self.assertEqual(said["added"]["hashString"], self.hash)
        self.assertEqual(said["torrent"], {"name": "Show.S01E01", "state": "seeding", "isCompleted": True, "label": "tv",
                                           "savePath": str(self.library / "tv"), "totalSize": 2_170_000})
        self.assertEqual(said["all"], {"torrents": 1, "labels": ["tv"]})
        self.assertEqual(said["set"], {"labels": ["other"], "seedRatioLimit": 3, "files": 3})
        self.assertEqual(said["paused"], "success")
        self.assertGreater(said["space"]["size-bytes"], 0)
        self.assertEqual((said["removed"], said["left"]), ("success", 0))


if __name__ == "__main__":
    main(programs=["transmission-remote"])
