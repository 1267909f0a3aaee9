"""Torrents that come and go while the mount stands: btfs add, rm and ls, and what a later mount remembers."""
import errno
import http.server
import json
import os
import re
import subprocess
import sys
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from support import btfs
from support.content import make_files, small_torrent
from support.harness import TestCase, free_port, main


class Torrents(TestCase):
    def setUp(self):
        super().setUp()
        self.use_own_folders()
        self.content = make_files(self.folder / "from" / "film", {"film.mkv": 3_000_000, "notes.txt": 70_000})
        self.torrent = self.folder / "film.torrent"
        self.seed = btfs.Seed(self, self.content, self.torrent, "--piece-size", "64K")
        self.hash = json.loads(btfs.run("info", "--json", self.torrent).stdout)["info_hash_v1"]
        self.magnet = f"magnet:?xt=urn:btih:{self.hash}&dn=film&x.pe=127.0.0.1:{self.seed.port}"
        self.mnt = self.folder / "mnt"

    def mount(self, *torrents, options=(), peers=True):
        return btfs.Mount(self, *torrents, peers=[self.seed.port] if peers else [], options=options)

    def do(self, *words):
        done = btfs.run(*words)
        self.assertEqual((done.returncode, done.stderr), (0, ""), words)
        return done.stdout

    def fails(self, *words):
        done = btfs.run(*words)
        self.assertEqual(done.returncode, 1, words)
        return done.stderr

    def listed(self):
        return {torrent["name"]: torrent for torrent in json.loads(self.do("ls", "--json"))}

    def names(self):
        return sorted(os.listdir(self.mnt))

    def assert_right(self):
        for name in ("film.mkv", "notes.txt"):
            self.assertEqual((self.mnt / "film" / name).read_bytes(), (self.content / name).read_bytes(), name)

    def test_what_is_added_is_read_and_is_there_again_after_a_kill(self):
        mount = self.mount()
        self.assertEqual(self.names(), [])
        self.assertEqual(self.do("add", self.torrent, "--label", "films"), f"added: film ({self.hash})\n")
        self.assertEqual(self.names(), ["film"])
        self.assertEqual(self.do("ls", "--names"), "film\n")
        self.assert_right()
        self.assertEqual(self.do("add", self.magnet), f"there already: film ({self.hash})\n")
        film = self.listed()["film"]
        self.assertEqual((film["info_hash"], film["label"], film["size"], film["state"]),
                         (self.hash, "films", 3_070_000, "ready"))
        mount.kill()
        mount = self.mount(peers=False)
        self.wait_for(lambda: self.names() == ["film"], "what was added before", 5)
        self.assertEqual(self.listed()["film"]["label"], "films")
        self.assert_right()
        self.assertEqual(self.do("rm", self.mnt / "film"), "removed: film\n")
        self.assertEqual(self.names(), [])
        self.wait_for(lambda: not (self.mnt / "film" / "notes.txt").exists(), "an end of what the kernel remembers", 0.5)
        mount.stop()
        self.mount()
        self.assertEqual(self.listed(), {})

    def test_a_mount_waits_for_one_of_the_same_torrents_that_is_ending(self):
        first = self.mount(self.torrent)
        other = self.folder / "other"
        other.mkdir()
        later = subprocess.Popen([btfs.path(), "mount", *btfs.ALONE, "--port", str(free_port()), "--cache-dir", first.cache, self.torrent,
                                  other],
                                 stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        self.addCleanup(btfs.run, "umount", other)
        time.sleep(0.5)
        first.stop()
        self.assertEqual((later.communicate(timeout=10)[1], later.returncode), ("", 0))
        self.assertEqual(os.listdir(other), ["film"])

    def test_a_mount_waits_for_what_was_added_earlier(self):
        mount = self.mount()
        folder = self.folder / "torrents"
        folder.mkdir()
        for i in range(100):
            small_torrent(folder / f"{i}.torrent", f"torrent {i}")
        self.do("add", folder)
        mount.stop()
        done = btfs.run("mount", *btfs.ALONE, "--wait", "--cache-dir", self.folder / "cache", self.mnt)
        self.addCleanup(btfs.run, "umount", self.mnt)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual(len(self.names()), 100)

    def test_a_torrent_is_removed_with_its_data(self):
        mount = self.mount()
        self.do("add", self.torrent)
        self.assert_right()

        def in_cache():
            return sorted(path.name for path in mount.cache.glob(f"{self.hash}*"))
        self.assertTrue(in_cache())
        self.do("rm", "film")
        self.assertTrue(in_cache(), "rm alone keeps what was downloaded")
        self.wait_for(lambda: btfs.run("add", self.torrent).returncode == 0, "the end of those who used it", 5)
        self.assert_right()
        self.assertEqual(self.do("rm", "--delete-data", self.mnt / "film"), "removed: film\n")
        self.wait_for(lambda: not in_cache(), "the removal of its data", 5)

    def test_labels_and_limits_that_are_set_are_kept_over_mounts(self):
        mount = self.mount(options=["--limit-local"])
        self.do("add", self.torrent, "--label", "old")
        self.assertEqual(self.do("set", "film", "--label", "films", "--label", "new", "--download-limit", "1M", "--max-peers", "5",
                                 "--seed-ratio", "1.5"), "set: film\n")
        self.assertEqual(self.listed()["film"]["label"], "films,new")
        begun = time.monotonic()
        self.assert_right()
        self.assertGreater(time.monotonic() - begun, 1.5, "3 MB at 1 MiB/s")
        mount.stop()
        self.mount(options=["--limit-local"])
        self.wait_for(lambda: self.listed().get("film", {}).get("label") == "films,new", "the label of the earlier mount", 5)
        self.do("set", self.mnt / "film", "--label", "", "--download-limit", "default", "--seed-ratio", "none", "--of", self.mnt)
        self.assertIsNone(self.listed()["film"]["label"])
        self.assertIn("nothing to set", self.fails("set", "film"))
        self.assertIn("no torrent of that name", self.fails("set", "nothing", "--label", "x"))
        self.assertIn("control characters", self.fails("set", "film", "--label", "a\nb"))
        for wrong in (("--download-limit", "0"), ("--download-limit", "fast"), ("--max-peers", "0"), ("--seed-ratio", "-1")):
            done = btfs.run("set", "film", *wrong)
            self.assertEqual(done.returncode, 2, wrong)
            self.assertIn("default", done.stderr, wrong)

    def test_what_was_added_earlier_is_listed_when_the_mount_returns(self):
        folder = self.folder / "many"
        folder.mkdir()
        for i in range(60):
            small_torrent(folder / f"{i}.torrent", f"{i}.txt")
        words = ["mount", *btfs.ALONE, "--cache-dir", self.folder / "cache", self.mnt]
        self.mnt.mkdir()
        self.do(*words)
        self.addCleanup(btfs.run, "umount", self.mnt)
        self.do("add", folder)
        self.do("add", f"magnet:?xt=urn:btih:{'0' * 40}")
        self.do("umount", self.mnt)
        self.do(*words)
        self.assertEqual(self.names(), sorted(f"{i}.txt" for i in range(60)))
        self.assertEqual(len(self.listed()), 61)

    def test_every_kind_of_source_is_taken(self):
        self.mount()
        folder = self.folder / "torrents"
        folder.mkdir()
        for name in ("one", "two"):
            small_torrent(folder / f"{name}.torrent", name)
        self.do("add", folder)
        self.do("add", self.magnet)
        piped = self.folder / "piped.torrent"
        small_torrent(piped, "piped")
        with piped.open("rb") as file:
            subprocess.run([btfs.path(), "add", "-"], stdin=file, check=True, capture_output=True)
        small_torrent(self.folder / "served.torrent", "served")
        url = self.serve((self.folder / "served.torrent").read_bytes())
        self.assertIn("added: " + url, self.do("add", url + "?passkey=1"))
        self.assertIn("there already", self.do("add", url + "?passkey=1"))
        everything = ["film", "one", "piped", "served", "two"]
        self.wait_for(lambda: self.names() == everything, "all of them", 10)
        self.assert_right()
        self.assertEqual(sorted(self.listed()), everything)
        self.do("rm", *everything[1:])
        self.assertEqual(self.names(), ["film"])

    def serve(self, torrent):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200)
                self.end_headers()
                self.wfile.write(torrent)

            def log_message(self, *_):
                pass
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        return f"http://127.0.0.1:{server.server_port}/served"

    def test_a_magnet_that_is_pinned_comes_whole_and_unread(self):
        self.mount()
        self.do("add", self.magnet, "--pin")
        self.wait_for(lambda: self.listed()["film"]["had"] == 3_070_000, "all that was pinned", 20)

    def test_a_torrent_whose_metadata_nobody_has_comes_and_goes(self):
        self.mount(peers=False)
        nobody = "0123456789" * 4
        self.do("add", nobody)
        self.assertEqual(self.listed()[nobody]["state"], "looking for peers")
        self.do("rm", nobody)
        self.assertEqual(self.listed(), {})
        # While its torrent file is fetched from a server that is not there.
        self.do("add", "http://127.0.0.1:9/x.torrent")
        self.do("rm", "http://127.0.0.1:9/x.torrent")
        self.assertEqual(self.listed(), {})

    def test_readers_of_a_removed_torrent_end(self):
        self.mount(peers=False)
        self.do("add", self.torrent)
        reader = self.start(["cat", self.mnt / "film" / "film.mkv"])
        time.sleep(0.5)
        self.assertIsNone(reader.poll(), "it waits for peers")
        with (self.mnt / "film" / "notes.txt").open("rb") as file:
            self.do("rm", "film")
            self.assertEqual(reader.wait(5), 1)
            with self.assertRaises(OSError) as failure:
                file.read()
            self.assertEqual(failure.exception.errno, errno.ESTALE)
            self.assertIn("still open", self.fails("add", self.torrent))
        self.wait_for(lambda: btfs.run("add", self.torrent).returncode == 0, "it may come back", 5)
        self.assertEqual(self.names(), ["film"])

    def test_an_open_file_reads_on_what_is_here(self):
        self.mount()
        self.do("add", self.torrent)
        self.assert_right()
        with (self.mnt / "film" / "film.mkv").open("rb", buffering=0) as file:
            self.do("rm", "film")
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
            self.assertEqual(file.read(3_000_000), (self.content / "film.mkv").read_bytes())

    def test_many_come_and_go_and_leave_nothing_behind(self):
        mount = self.mount(peers=False)
        folder = self.folder / "torrents"
        folder.mkdir()
        for i in range(300):
            small_torrent(folder / f"{i}.torrent", f"torrent {i}")
        descriptors = Path(f"/proc/{mount.process.pid}/fd")
        self.do("add", self.torrent)
        before = len(os.listdir(descriptors))
        for _ in range(2):
            self.do("add", folder)
            self.assertEqual(len(self.names()), 301)
            self.do("rm", *(f"torrent {i}" for i in range(300)))
            self.assertEqual(self.names(), ["film"])
        self.wait_for(lambda: len(os.listdir(descriptors)) <= before + 2, "their files are closed", 10)

    def test_a_source_whose_record_is_damaged_costs_no_other(self):
        mount = self.mount()
        self.do("add", self.torrent)
        small_torrent(self.folder / "other.torrent", "other")
        self.do("add", self.folder / "other.torrent")
        mount.stop()
        records = sorted(self.state_folder.rglob("*.source"), key=lambda path: path.stat().st_size)
        self.assertEqual(len(records), 2)
        records[0].write_bytes(records[0].read_bytes()[:-5])
        mount = self.mount()
        self.wait_for(lambda: self.names() == ["film"], "the other one", 5)
        mount.find("left out: .*" + records[0].name)
        self.assertTrue(records[0].exists())

    def test_what_is_put_into_a_watched_folder_is_added(self):
        inbox = self.folder / "inbox"
        inbox.mkdir()
        small_torrent(inbox / "first.torrent", "first")
        mount = self.mount(options=["--watch", inbox])
        (inbox / "film.magnet").write_text(self.magnet + "\n")
        self.wait_for(lambda: self.names() == ["film", "first"], "both", 5)
        self.wait_for(lambda: sorted(os.listdir(inbox)) == ["film.magnet.added", "first.torrent.added"], "their marks", 5)
        self.assert_right()
        mount.stop()
        self.mount(peers=False)
        self.wait_for(lambda: self.names() == ["film", "first"], "both again", 5)

    def test_what_is_prefetched_comes_unread_and_can_be_waited_for(self):
        mount = self.mount()
        film = self.mnt / "film" / "film.mkv"
        waiting = self.start([btfs.path(), "wait", film])
        time.sleep(0.3)
        self.assertIsNone(waiting.poll(), "it is not there yet")
        self.do("add", self.magnet)
        self.wait_for(film.exists, "the film", 5)
        late = btfs.run("wait", film, "--timeout", "1s")
        self.assertEqual(late.returncode, 3, late.stderr)
        self.assertIn("1 file not complete", late.stderr)
        self.assertEqual(self.do("prefetch", self.mnt / "film"), f"{self.mnt}/film: fetching 2 files, 2.9 MiB\n")
        self.assertEqual(waiting.wait(20), 0)
        self.do("wait", self.mnt, "--timeout", "20s")
        self.assertEqual(self.listed()["film"]["had"], 3_070_000)
        mount.stop()
        self.mount(peers=False)
        self.assertEqual(list((self.folder / "cache").glob("*.pins")), [])

    def test_a_mountpoint_is_waited_for_while_files_of_torrents_are_not_known(self):
        self.mount(peers=False)
        self.do("wait", self.mnt)
        hash_of_nothing = "1" * 40
        self.do("add", "magnet:?xt=urn:btih:" + hash_of_nothing)
        late = btfs.run("wait", self.mnt, "--timeout", "1s")
        self.assertEqual(late.returncode, 3, late.stderr)
        self.assertIn("the files of 1 torrent are not known yet", late.stderr)
        self.do("pause", hash_of_nothing)
        self.do("wait", self.mnt, "--timeout", "5s")
        self.do("resume", hash_of_nothing)
        waiting = self.start([btfs.path(), "wait", self.mnt, "--timeout", "20s"])
        time.sleep(0.3)
        self.assertIsNone(waiting.poll(), "one torrent is not known")
        self.do("rm", hash_of_nothing)
        self.assertEqual(waiting.wait(20), 0)

    def test_the_status_tells_who_reads_and_what_for(self):
        self.mount(peers=False)
        self.do("add", self.torrent, "--label", "films")
        reader = self.start(["cat", self.mnt / "film" / "film.mkv"])

        def waiting():
            status = json.loads(self.do("status", "--json"))
            return [each for each in status["readers"] if each["waiting"]] and status
        status = self.wait_for(waiting, "a reader that waits", 5)
        read, = status["readers"]
        self.assertEqual((read["path"], read["process"], read["pid"], read["size"], read["position"]),
                         ("film/film.mkv", "cat", reader.pid, 3_000_000, 0))
        film, = status["torrents"]
        self.assertEqual((film["name"], film["label"], film["had"], film["connections"]), ("film", "films", 0, []))
        self.assertEqual(json.loads((self.mnt / ".btfs" / "status.json").read_text())["torrents"][0]["info_hash"], self.hash)
        text = self.do("status")
        self.assertIn(f"cat ({reader.pid})", text)
        self.assertIn("film/film.mkv", text)
        self.do("rm", "film")
        self.assertEqual(reader.wait(5), 1)
        self.assertEqual(json.loads(self.do("status", "--json"))["torrents"], [])

    def test_the_status_tells_of_peers(self):
        self.mount()
        self.do("add", self.torrent)
        self.assertEqual((self.mnt / "film" / "notes.txt").read_bytes(), (self.content / "notes.txt").read_bytes())
        film, = json.loads(self.do("status", "--json"))["torrents"]
        peer, = film["connections"]
        self.assertEqual((peer["endpoint"], peer["pieces"], peer["sent"]), (f"127.0.0.1:{self.seed.port}", 47, 0))
        self.assertTrue(peer["client"].startswith("btfs "))
        self.assertIn("seed", peer["flags"])
        self.assertGreaterEqual(peer["received"], 70_000)
        self.assertIn(f"127.0.0.1:{self.seed.port}", self.do("status"))
        metrics = (self.mnt / ".btfs" / "metrics").read_text()
        self.assertRegex(metrics, r"(?m)^btfs_peers\{transport=\"tcp\"\} 1$")
        self.assertRegex(metrics, r'(?m)^btfs_received_bytes_total\{source="tcp"\} [1-9]\d{4,}$')
        self.assertRegex(metrics, r'(?m)^btfs_received_bytes_total\{source="web_seed"\} 0$')
        read = sum(map(int, re.findall(r'(?m)^btfs_read_bytes_total\{source="\w+"\} (\d+)$', metrics)))
        self.assertGreaterEqual(read, 70_000)

    def test_mistakes_are_told(self):
        self.assertIn("nothing is mounted", self.fails("ls"))
        for source in (self.torrent, self.magnet):
            self.assertIn("say where to mount it", self.fails("mount", source))
        self.mount(self.torrent)
        junk = self.folder / "junk"
        junk.write_bytes(b"this is no torrent")
        self.assertIn("no torrent", self.fails("add", junk))
        self.assertIn("No such file", self.fails("add", self.folder / "nothing"))
        self.assertIn("no torrent of that name", self.fails("rm", "nothing"))
        self.assertIn("is a part of a torrent", self.fails("rm", self.mnt / "film" / "film.mkv"))
        self.assertIn("is a mount", self.fails("rm", f"{self.mnt}/"))
        self.assertIn("no mount of btfs", self.fails("ls", self.folder))
        self.assertIn("in no mount", self.fails("wait", self.folder / "nothing"))
        other = btfs.Mount(self, self.torrent, cache=self.folder / "cache2", mountpoint=self.folder / "mnt2",
                           options=["--no-control"])
        self.assertIn("several mounts", self.fails("ls"))
        self.assertIn("cannot be asked", self.fails("ls", other.mountpoint))
        self.do("ls", self.mnt)


    def test_the_next_episode_is_begun_in_a_torrent_of_its_own(self):
        size, rate = 100_000_000, 1_600_000  # bytes, a second: a minute of film
        torrents, seeds = [], []
        for episode in (4, 5, 7):
            film = self.folder / f"Show.S01E{episode:02}.1080p.mkv"
            with open(film, "wb") as file:
                file.truncate(size)
            torrents.append(film.with_suffix(".torrent"))
            seeds.append(btfs.Seed(self, film, torrents[-1], "--piece-size", "256K"))
        btfs.Mount(self, *torrents, peers=[seed.port for seed in seeds])

        def had(name):
            status = json.loads((self.mnt / ".btfs" / "status.json").read_text())
            return next(torrent["had"] for torrent in status["torrents"] if torrent["name"] == name)

        with open(self.mnt / "Show.S01E04.1080p.mkv", "rb", buffering=0) as film:
            film.seek(int(0.73 * size))
            began = time.monotonic()
            for block in range(96):  # 12 MiB, to 85 %
                self.assertEqual(len(film.read(131_072)), 131_072)
                if film.tell() < 0.79 * size:
                    self.assertEqual(had("Show.S01E05.1080p.mkv"), 0)
                time.sleep(max(0, began + block * 131_072 / rate - time.monotonic()))
            self.wait_for(lambda: had("Show.S01E05.1080p.mkv") >= 2 << 20, "the beginning of the next episode", 10)
            time.sleep(1)
            self.assertLess(had("Show.S01E05.1080p.mkv"), 10 << 20)
            self.assertEqual(had("Show.S01E07.1080p.mkv"), 0)


if __name__ == "__main__":
    main()
