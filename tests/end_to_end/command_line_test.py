"""The command line: messages, exit codes, and inputs that are hopeless."""
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from support import btfs
from support.content import MIXED, differences, make_files
from support.harness import TestCase, end, free_port, main


class CommandLine(TestCase):
    def setUp(self):
        super().setUp()
        self.content = make_files(self.folder / "content", MIXED)
        self.torrent = self.folder / "content.torrent"
        self.cache = self.folder / "cache"
        self.mountpoint = self.folder / "mnt"
        self.mountpoint.mkdir()

    def mount(self, source, *options, cache=None, mountpoint=None):
        return btfs.run("mount", "--cache-dir", cache or self.cache, "--port", free_port(), *options, source,
                        mountpoint or self.mountpoint)

    def assert_refused(self, *arguments, **named):
        """Exit 1 in under a second, one line on stderr, nothing mounted, nothing left in the cache."""
        began = time.monotonic()
        done = self.mount(*arguments, **named)
        took = time.monotonic() - began
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
        self.assertTrue(done.stderr.startswith("btfs: "), done.stderr)
        self.assertEqual(done.stdout, "")
        self.assertLess(took, 1)
        self.assertEqual(btfs.mounts(), [])
        self.assertEqual(btfs.serving(), [])
        if self.cache.exists():
            self.assertEqual(os.listdir(self.cache), [])
        return done.stderr

    def test_hopeless_torrents_are_refused(self):
        btfs.create(self, self.content, self.torrent)
        whole = self.torrent.read_bytes()
        (self.folder / "truncated").write_bytes(whole[:len(whole) // 2])
        (self.folder / "garbage").write_bytes(os.urandom(100_000))
        (self.folder / "empty").write_bytes(b"")
        (self.folder / "trailing").write_bytes(b"d4:infod4:name1:xee")
        (self.folder / "deep").write_bytes(b"l" * 1_000_000)
        os.mkfifo(self.folder / "pipe")
        for source in ("truncated", "garbage", "empty", "trailing", "deep", "pipe", "content", "missing"):
            with self.subTest(source=source):
                self.assertIn(source, self.assert_refused(self.folder / source))
        with self.subTest(source="magnet"):
            self.assertIn("names no torrent", self.assert_refused("magnet:?dn=film"))
        with self.subTest(source="/dev/zero"):
            self.assertIn("/dev/zero", self.assert_refused("/dev/zero"))

    def test_unusable_mountpoints_are_refused(self):
        btfs.create(self, self.content, self.torrent)
        file = self.folder / "file"
        file.write_text("")
        for mountpoint in (self.folder / "missing", file):
            with self.subTest(mountpoint=mountpoint.name):
                done = self.mount(self.torrent, mountpoint=mountpoint)
                self.assertEqual(done.returncode, 1)
                self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
                self.assertIn(str(mountpoint), done.stderr)
                self.assertEqual(btfs.mounts(), [])

    def test_unusable_cache_folders_are_refused(self):
        btfs.create(self, self.content, self.torrent)
        file = self.folder / "file"
        file.write_text("")
        for cache in (file, file / "below", Path("/proc/nothing")):
            with self.subTest(cache=str(cache)):
                self.assertIn(str(cache), self.assert_refused(self.torrent, cache=cache))

    def test_a_cache_that_the_mount_would_hide_is_refused(self):
        btfs.create(self, self.content, self.torrent)
        below = self.mountpoint / "below"
        (self.folder / "to-mnt").symlink_to(self.mountpoint)
        for cache, mountpoint in ((self.mountpoint, self.mountpoint), (below, self.mountpoint),
                                  (self.folder / "to-mnt" / "below", self.mountpoint),
                                  (below, f"{self.mountpoint}/")):
            with self.subTest(cache=str(cache), mountpoint=str(mountpoint)):
                said = self.assert_refused(self.torrent, cache=cache, mountpoint=mountpoint)
                self.assertIn("--cache-dir", said)
                self.assertIn(str(cache), said)
                self.assertEqual(os.listdir(self.mountpoint), [])

    def test_a_mountpoint_below_the_cache_works(self):
        btfs.create(self, self.content, self.torrent)
        mountpoint = self.cache / "mnt"
        mountpoint.mkdir(parents=True)
        seed = btfs.Seed(self, self.content, self.torrent)
        for _ in ("from the swarm", "from the cache"):
            mount = btfs.Mount(self, self.torrent, peers=[seed.port], cache=self.cache, mountpoint=mountpoint)
            self.assertEqual(differences(self.content, mountpoint / "content"), "")
            mount.stop()

    def test_closed_standard_descriptors_change_nothing(self):
        btfs.create(self, self.content, self.torrent)
        for closed in ("<&-", ">&-", "2>&-", "<&- >&-", "<&- >&- 2>&-"):
            with self.subTest(closed=closed):
                done = self.shell(f'"$@" {closed}', "mount", "--cache-dir", self.cache, "--port", free_port(),
                                  *btfs.ALONE, self.torrent, self.mountpoint)
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertEqual(os.listdir(self.mountpoint), ["content"])
                process, = btfs.serving()
                standard = [os.readlink(f"/proc/{process}/fd/{number}") for number in (0, 1, 2)]
                self.assertEqual(standard, ["/dev/null"] * 3)
                done = self.shell(f'"$@" {closed}', "umount", self.mountpoint)
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertEqual(btfs.serving(), [])
                made = self.folder / "made.torrent"
                done = self.shell(f'"$@" {closed}', "create", self.content, "-o", made)
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertEqual(json.loads(btfs.run("info", "--json", made).stdout)["name"], "content")
                made.unlink()

    def test_a_foreground_mount_with_closed_descriptors_logs_into_no_file(self):
        btfs.create(self, self.content, self.torrent)
        seed = btfs.Seed(self, self.content, self.torrent)
        process = self.start(["sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh", btfs.path(), "mount", "-f", "--log-level",
                              "trace", "--cache-dir", self.cache, "--port", free_port(), *btfs.ALONE,
                              "--peer", self.at(seed.port), self.torrent, self.mountpoint])
        self.wait_for(btfs.mounts, "mount")
        self.assertEqual(differences(self.content, self.mountpoint / "content"), "")
        self.assertEqual(end(process), 0)
        data, = self.cache.glob("*.data")
        self.assertNotIn(b"content", data.read_bytes()[:4096])

    def test_what_cannot_be_printed_is_an_error(self):
        btfs.create(self, self.content, self.torrent)
        self.assertEqual(self.shell('"$@" >&-', "info", self.torrent).returncode, 1)

    def shell(self, script, *words):
        return subprocess.run(["sh", "-c", script, "sh", btfs.path(), *map(str, words)], capture_output=True, text=True,
                              timeout=30)

    def test_signals_that_were_ignored_before_stay_so(self):
        btfs.create(self, self.content, self.torrent)
        def ignore():
            signal.signal(signal.SIGHUP, signal.SIG_IGN)
            signal.signal(signal.SIGINT, signal.SIG_IGN)
        process = self.start([btfs.path(), "mount", "-f", "--cache-dir", self.cache, "--port", free_port(),
                              *btfs.ALONE, self.torrent, self.mountpoint], preexec_fn=ignore)
        self.wait_for(btfs.mounts, "mount")
        self.wait_for(lambda: (self.mountpoint / "content").exists(), "answer")
        for number in (signal.SIGHUP, signal.SIGINT):
            process.send_signal(number)
        # An ignored signal that is not blocked is discarded when it is sent: it will not come later.
        blocked = int(re.search(r"SigBlk:\s*(\S+)", Path(f"/proc/{process.pid}/status").read_text())[1], 16)
        self.assertFalse(blocked & (1 << signal.SIGHUP - 1 | 1 << signal.SIGINT - 1))
        self.assertTrue((self.mountpoint / ".btfs/status").read_text().startswith("totals: "))
        self.assertIsNone(process.poll())
        self.assertEqual(end(process), 0)

    def test_nohup_keeps_a_foreground_mount(self):
        btfs.create(self, self.content, self.torrent)
        process = self.start(["nohup", btfs.path(), "mount", "-f", "--cache-dir", self.cache, "--port", free_port(),
                              *btfs.ALONE, self.torrent, self.mountpoint])
        self.wait_for(btfs.mounts, "mount")
        process.send_signal(signal.SIGHUP)
        self.assertTrue((self.mountpoint / ".btfs/status").read_text().startswith("totals: "))
        self.assertIsNone(process.poll())
        self.assertEqual(btfs.run("umount", self.mountpoint).returncode, 0)
        self.assertEqual(process.wait(5), 0)

    def test_own_options_may_be_mount_options(self):
        btfs.create(self, self.content, self.torrent)
        log = self.folder / "log, with a comma"
        done = btfs.run("mount", "-o", f"noexec,cache-dir={self.cache},port={free_port()},no-dht,no-lsd,no-pex",
                        "-o", f"no-portmap,log-level=debug,log-file={str(log).replace(',', chr(92) + ',')}",
                        self.torrent, self.mountpoint)
        self.addCleanup(btfs.run, "umount", self.mountpoint)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual(os.listdir(self.mountpoint), ["content"])
        self.assertEqual(len(list(self.cache.glob("*.claims"))), 1)
        self.assertIn("mounted 1 torrent(s)", log.read_text())
        done = btfs.run("mount", "-o", "read-timeout=soon", self.torrent, self.mountpoint)
        self.assertEqual(done.returncode, 2)
        self.assertIn("read-timeout", done.stderr)

    def test_info_tells_the_content(self):
        btfs.create(self, self.content, self.torrent, "--comment", "hällo", "--private", "--piece-size", "64K",
                    "--tracker", "http://127.0.0.1:1/a", "--tracker", "udp://127.0.0.1:2")
        told = json.loads(btfs.run("info", "--json", self.torrent).stdout)
        self.assertEqual(told["name"], "content")
        self.assertEqual(told["size"], sum(MIXED.values()))
        self.assertEqual({file["path"].removeprefix("content/"): file["size"] for file in told["files"]}, MIXED)
        self.assertEqual(told["piece_length"], 65536)
        self.assertEqual(told["comment"], "hällo")
        self.assertTrue(told["private"])
        self.assertEqual(sum(told["trackers"], []), ["http://127.0.0.1:1/a", "udp://127.0.0.1:2"])

        done = btfs.run("info", self.torrent)
        self.assertEqual(done.returncode, 0)
        self.assertIn(told["info_hash_v1"], done.stdout)
        for path in MIXED:
            self.assertIn(path, done.stdout)

    def test_create_names_web_seeds_that_are_urls_of_http(self):
        btfs.create(self, self.content, self.torrent, "--web-seed", "http://w/a b/", "--web-seed", "https://w/")
        told = json.loads(btfs.run("info", "--json", self.torrent).stdout)
        self.assertEqual(told["web_seeds"], ["http://w/a b/", "https://w/"])
        self.assertIn("web seed:   https://w/\n", btfs.run("info", self.torrent).stdout)
        done = btfs.run("create", self.content, "-o", self.torrent, "--web-seed", "ftp://w/")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("ftp://w/", done.stderr)

    def test_info_tells_what_a_link_says(self):
        link = (f"magnet:?xt=urn:btih:{'ab' * 20}&dn=a+film&xl=3145728&tr=udp://t:80&tr=http://t/a"
                "&ws=http://w/film&x.pe=[::1]:6881&x.pe=10.0.0.1:1&so=0,2-4")
        told = json.loads(btfs.run("info", "--json", link).stdout)
        self.assertEqual(told, {
            "name": "a film", "info_hash_v1": "ab" * 20, "size": 3145728,
            "trackers": [["udp://t:80"], ["http://t/a"]], "web_seeds": ["http://w/film"],
            "peers": ["[::1]:6881", "10.0.0.1:1"],
            "selected_files": [{"first": 0, "last": 0}, {"first": 2, "last": 4}]})
        text = btfs.run("info", link).stdout
        for line in ("name:       a film", f"info-hash:  {'ab' * 20}", "size:       3.0 MiB (3145728 bytes)",
                     "tracker 2:  http://t/a", "peer:       [::1]:6881", "file:       2-4"):
            self.assertIn(line + "\n", text)

    def test_info_tells_who_publishes(self):
        link = f"magnet:?xs=urn:btpk:{'cd' * 32}&s=6e"
        told = json.loads(btfs.run("info", "--json", link).stdout)
        self.assertEqual((told["name"], told["publisher"]), (link, link))
        self.assertNotIn("info_hash_v1", told)

    def test_libtorrent_reads_our_torrents_alike(self):
        import libtorrent as lt
        btfs.create(self, self.content, self.torrent)
        ours = json.loads(btfs.run("info", "--json", self.torrent).stdout)
        theirs = lt.torrent_info(str(self.torrent))
        self.assertEqual(ours["info_hash_v1"], str(theirs.info_hashes().v1))
        self.assertEqual(ours["size"], theirs.total_size())

    def test_create_says_what_it_cannot_make(self):
        nothing = self.folder / "nothing"
        nothing.mkdir()
        for words in ([nothing], [self.folder / "missing"], [self.content, "--piece-size", "100000"]):
            done = btfs.run("create", *words, "-o", self.torrent)
            self.assertEqual(done.returncode, 1)
            self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
            self.assertFalse(self.torrent.exists())

    def test_create_names_what_has_no_place_in_a_torrent(self):
        (self.content / "folder" / "deep").mkdir(parents=True)
        (self.content / "link").symlink_to("film.mkv")
        os.mkfifo(self.content / "pipe\x1b[31m")
        done = btfs.run("create", self.content, "-o", self.torrent)
        self.assertEqual((done.returncode, done.stdout), (0, f"{self.torrent}\n"))
        self.assertEqual(done.stderr.splitlines(), [
            "btfs: left out of the torrent: folder/deep: is an empty folder",
            "btfs: left out of the torrent: link: is a symlink",
            "btfs: left out of the torrent: pipe?[31m: is a pipe, socket or device"])
        for number in range(30):
            (self.content / f"many-{number:02}").mkdir()
        said = btfs.run("create", self.content, "-o", self.torrent).stderr.splitlines()
        self.assertEqual(len(said), 21)
        self.assertEqual(said[-1], "btfs: left out of the torrent: 13 more")
        self.assertIn("empty folders", btfs.run("create", "--help").stdout)

    def test_no_progress_bar_goes_into_a_pipe(self):
        done = btfs.run("create", self.content, "-o", self.torrent)
        self.assertEqual((done.returncode, done.stderr, done.stdout), (0, "", f"{self.torrent}\n"))

    def test_seed_tells_the_address_that_it_is_bound_to(self):
        seed = btfs.Seed(self, self.content, self.torrent, "--bind", "::1")
        self.assertEqual(seed.find(r"peer: +(\S+)")[1], f"[::1]:{seed.port}")

    def test_versions_and_wrong_words(self):
        done = btfs.run("--version")
        self.assertEqual(done.returncode, 0)
        self.assertRegex(done.stdout, r"^btfs \d+\.\d+")
        for words in ([], ["--nonsense"], ["nonsense"], ["mount"], ["info"],
                      ["mount", "--port", "70000", "a", "b"], ["mount", "--max-connections", "0", "a", "b"], ["mount", "--log-level", "loud", "a", "b"],
                      ["mount", "--encryption", "always", "a", "b"], ["mount", "--transport", "sctp", "a", "b"], ["seed", "--encryption", "1", "a"]):
            with self.subTest(words=words):
                done = btfs.run(*words)
                self.assertEqual(done.returncode, 2)
                self.assertNotEqual(done.stderr, "")
        self.assertEqual(btfs.run("mount", "--help").returncode, 0)

    def test_limits_that_make_no_sense_are_refused_with_a_reason(self):
        for command, *words, reason in (
                ("mount", "--download-limit", "0", "would fetch nothing"),
                ("mount", "--download-limit", "0K", "would fetch nothing"),
                ("mount", "--upload-limit", "-1", "--upload-limit"),
                ("mount", "--upload-limit", "fast", "--upload-limit"),
                ("mount", "--upload-limit", "10parsecs", "--upload-limit"),
                ("mount", "--no-upload", "--upload-limit", "1M", "--no-upload"),
                ("mount", "--no-upload", "--seed-ratio", "1", "--no-upload"),
                ("mount", "--seed-ratio", "0", "give a number above 0"),
                ("seed", "--seed-ratio", "much", "give a number above 0"),
                ("seed", "--seed-ratio", "nan", "give a number above 0"),
                ("seed", "--seed-time", "2w", "give a time"),
                ("seed", "--no-upload", "--no-upload")):
            with self.subTest(words=words):
                done = btfs.run(command, *words, self.torrent, *([self.mountpoint] if command == "mount" else []))
                self.assertEqual(done.returncode, 2)
                self.assertIn(reason, done.stderr)

    def test_limits_may_be_mount_options(self):
        btfs.create(self, self.content, self.torrent)
        done = btfs.run("mount", "-o", f"cache-dir={self.cache},port={free_port()},no-dht,no-lsd,no-pex,no-portmap,encryption=prefer",
                        "-o", "upload-limit=500K,download-limit=2M,limit-local,seed-ratio=1.5,seed-time=2h",
                        self.torrent, self.mountpoint)
        self.addCleanup(btfs.run, "umount", self.mountpoint)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual(os.listdir(self.mountpoint), ["content"])


if __name__ == "__main__":
    main(modules=["libtorrent"])
