"""`btfs cache` and `btfs export`: beside running mounts, beside each other, and on a cache that was damaged."""
import hashlib
import json
import os
import random
import shutil
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from support import btfs
from support.content import MIXED, differences, make_files
from support.harness import TestCase, main

PIECE = 256 << 10
DAMAGED = 4


class Caches(TestCase):
    def setUp(self):
        super().setUp()
        self.cache = self.folder / "cache"

    def make(self, name, sizes):
        """Content and its torrent file."""
        content = make_files(self.folder / "from" / name, sizes, seed=sum(name.encode()))
        return content, btfs.create(self, content, self.folder / f"{name}.torrent", "--piece-size", "256K")

    def fill(self, name, sizes):
        """Reads all of a torrent into the cache."""
        content, torrent = self.make(name, sizes)
        seed = btfs.Seed(self, content, torrent, "--piece-size", "256K")
        mount = btfs.Mount(self, torrent, peers=[seed.port])
        self.assertEqual(differences(content, mount.mountpoint / name), "")
        mount.stop()
        seed.stop()
        return content, torrent

    def command(self, *words, code=0, seconds=60):
        done = btfs.run("cache", *words, "--cache-dir", self.cache, seconds=seconds)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done.stdout

    def listed(self):
        return {torrent["name"]: torrent for torrent in json.loads(self.command("list", "--json"))["torrents"]}

    def files(self, ending):
        return sorted(self.cache.glob(f"*{ending}"))

    def flip(self, file, places):
        with open(file, "r+b") as out:
            for at in places:
                out.seek(at)
                byte = out.read(1)[0]
                out.seek(at)
                out.write(bytes([byte ^ 1 << at % 8]))


class List(Caches):
    def test_names_sizes_and_last_use_are_listed(self):
        began = int(time.time())
        self.fill("one", {"a": 1_000_000, "b": 500_000})
        _, torrent = self.make("two", {"c": 3_000_000})
        mount = btfs.Mount(self, torrent)
        found = self.listed()
        self.assertEqual(set(found), {"one", None}, "what was never read has no name yet")
        one = found["one"]
        self.assertEqual((one["size"], one["bytes_had"], one["in_use"], one["lost"]), (1_500_000, 1_500_000, False, False))
        self.assertGreaterEqual(one["last_use"], began)
        self.assertTrue(found[None]["in_use"])
        on_disk = sum(file.stat().st_blocks * 512 for file in self.cache.glob(f"{one['info_hash']}.*"))
        self.assertEqual(one["bytes_on_disk"], on_disk)
        table = self.command("list")
        self.assertRegex(table, r"1\.4 MiB +100 % .* -  +[0-9a-f]{8}  one\n")
        self.assertRegex(table, r"in use +[0-9a-f]{8}  \(not known\)\n")
        self.assertRegex(table, r"2 torrents, \S+ MiB on disk\n$")
        self.assertEqual(set(self.command("list", "--names").splitlines()), {"one", found[None]["info_hash"]})
        mount.stop()
        self.assertEqual(set(self.listed()), {"one"})

    def test_a_wrong_directory_is_refused(self):
        done = btfs.run("cache", "list", "--cache-dir", self.folder / "nowhere")
        self.assertEqual(done.returncode, 1)
        self.assertIn("nowhere", done.stderr)
        self.assertFalse((self.folder / "nowhere").exists())
        self.assertEqual(btfs.run("cache").returncode, 2)
        self.assertEqual(btfs.run("cache", "prune").returncode, 2)


class ClearAndPrune(Caches):
    def test_clear_removes_what_nobody_uses(self):
        content, torrent = self.fill("kept", {"a": 1_000_000})
        self.fill("gone", {"b": 2_000_000})
        mount = btfs.Mount(self, torrent)
        said = self.command("clear")
        self.assertIn("in use: kept\n", said)
        self.assertIn("removed: gone, ", said)
        self.assertIn("freed: 1.9 MiB\n", said)
        self.assertEqual(set(self.listed()), {"kept"})
        self.assertEqual(differences(content, mount.mountpoint / "kept"), "")
        self.assertIn("in use: kept\n", self.command("clear", "kept", code=1))
        mount.stop()
        key = self.files(".claims")[0].stem
        self.command("clear", key[:8])
        self.assertEqual(list(self.cache.glob(f"{key}*")), [])
        done = btfs.run("cache", "clear", "kept", "--cache-dir", self.cache)
        self.assertEqual(done.returncode, 1)
        self.assertIn("is not in the cache", done.stderr)

    def test_prune_removes_the_least_recently_used_first(self):
        for age, name in enumerate(("newest", "newer", "oldest")):
            self.fill(name, {"a": 1_000_000})
            key = self.listed()[name]["info_hash"]
            then = time.time() - age * 100_000
            os.utime(self.cache / f"{key}.claims", (then, then))
        self.assertIn("freed: 0 B", self.command("prune", "--to", "10M"))
        self.command("prune", "--to", "2500K")
        self.assertEqual(set(self.listed()), {"newest", "newer"})
        self.command("prune", "--older-than", "1d")
        self.assertEqual(set(self.listed()), {"newest"})
        self.command("prune", "--older-than", "1d")
        self.assertEqual(set(self.listed()), {"newest"})
        mount = btfs.Mount(self, self.folder / "newest.torrent")
        done = btfs.run("cache", "prune", "--to", "0", "--cache-dir", self.cache)
        self.assertEqual(done.returncode, 1)
        self.assertIn("in use", done.stderr)
        self.assertEqual(set(self.listed()), {"newest"})
        mount.stop()

    def test_all_at_once_beside_a_bounded_mount_that_reads(self):
        content, torrent = self.make("read", {"film": 12_000_000})
        for name in ("x", "y", "z"):
            self.fill(name, {"a": 2_000_000})
        seed = btfs.Seed(self, content, torrent, "--piece-size", "256K")
        mount = btfs.Mount(self, torrent, peers=[seed.port], options=["--cache-size", "8M"])
        failed, over = [], threading.Event()

        def repeat(*words):
            while not over.is_set():
                done = btfs.run("cache", *words, "--cache-dir", self.cache)
                if done.returncode != 0 and "in use" not in done.stderr:
                    failed.append((words, done.stdout, done.stderr))

        threads = [threading.Thread(target=repeat, args=words) for words in
                   (("list",), ("verify",), ("clear",), ("prune", "--to", "9M"), ("prune", "--older-than", "1h"))]
        for thread in threads:
            thread.start()
        try:
            for _ in range(3):
                self.assertEqual(differences(content, mount.mountpoint / "read"), "")
        finally:
            over.set()
            for thread in threads:
                thread.join()
        self.assertEqual(failed, [])
        mount.stop()
        seed.stop()
        self.command("verify")


class Verify(Caches):
    def test_right_content_is_verified_and_what_is_mounted_is_named(self):
        content, torrent = self.fill("one", {"a": 1_000_000})
        self.assertIn("verified: 976.6 KiB, no damage\n", self.command("verify"))
        before = self.listed()["one"]["last_use"]
        mount = btfs.Mount(self, torrent)
        self.assertIn("one: is in use", self.command("verify", "one"))
        self.assertEqual(differences(content, mount.mountpoint / "one"), "")
        mount.stop()
        self.assertGreaterEqual(self.listed()["one"]["last_use"], before)

    def test_all_flipped_bits_are_found_by_verify_and_by_a_mount(self):
        content, torrent = self.fill("one", {"film": 9_000_000})
        data, = self.files(".data")
        whole = self.folder / "whole"
        shutil.copytree(self.cache, whole)
        rng = random.Random(7)
        places = sorted(rng.sample(range(9_000_000), 12))
        self.flip(data, places)
        pieces = len({at // PIECE for at in places})
        said = self.command("verify", code=DAMAGED)
        self.assertIn(f"one: {pieces} of 35 pieces are damaged", said)
        self.assertEqual(self.listed()["one"]["bytes_had"], 9_000_000 - sum(
            min(PIECE, 9_000_000 - piece * PIECE) for piece in {at // PIECE for at in places}))
        self.assertIn("no damage", self.command("verify"), "they are not claimed any more")
        seed = btfs.Seed(self, content, torrent, "--piece-size", "256K")
        mount = btfs.Mount(self, torrent, peers=[seed.port])
        self.assertEqual(differences(content, mount.mountpoint / "one"), "")
        mount.stop()
        # The same damage, and no verify in between.
        shutil.rmtree(self.cache)
        shutil.copytree(whole, self.cache)
        self.flip(data, places)
        mount = btfs.Mount(self, torrent, peers=[seed.port])
        self.assertEqual(differences(content, mount.mountpoint / "one"), "")
        self.assertEqual(mount.log().count("is damaged on disk"), pieces)
        mount.stop()
        self.assertIn("no damage", self.command("verify"))

    def test_a_sidecar_that_is_damaged_newer_or_foreign_leads_to_a_new_download(self):
        content, torrent = self.fill("one", {"film": 2_000_000})
        other, _ = self.fill("other", {"film": 2_000_000})
        seed = btfs.Seed(self, content, torrent, "--piece-size", "256K")
        keys = {name: self.listed()[name]["info_hash"] for name in ("one", "other")}
        claims = self.cache / f"{keys['one']}.claims"
        good = claims.read_bytes()

        def newer():
            header = good[:8] + struct.pack(">I", 2) + good[12:108]
            return header + hashlib.sha1(header).digest() + good[128:]

        damages = {
            "cut short": good[:-1],
            "empty": b"",
            "flipped": good[:40] + bytes([good[40] ^ 1]) + good[41:],
            "newer": newer(),
            "foreign": b"%PDF-1.4" + bytes(500),
            "of another torrent": (self.cache / f"{keys['other']}.claims").read_bytes(),
        }
        for what, damaged in damages.items():
            with self.subTest(what):
                claims.write_bytes(damaged)
                self.assertRegex(self.command("verify", keys["one"], code=DAMAGED), "will be fetched again")
                mount = btfs.Mount(self, torrent, peers=[seed.port])
                self.assertIn("had: 0 of 2000000 bytes", (mount.mountpoint / ".btfs" / "status").read_text())
                self.assertEqual(differences(content, mount.mountpoint / "one"), "")
                mount.stop()
                self.assertIn("no damage", self.command("verify"))

    def test_without_a_description_everything_is_doubted(self):
        content, torrent = self.fill("one", {"film": 2_000_000})
        for wrong in (None, b"", b"d4:name3:onee"):
            info, = self.files(".info")
            info.unlink() if wrong is None else info.write_bytes(wrong)
            self.assertIn("its description is not in the cache", self.command("verify"))
            self.assertEqual(set(self.listed()), {None})
            mount = btfs.Mount(self, torrent)
            self.assertEqual(differences(content, mount.mountpoint / "one"), "")
            mount.stop()
            self.assertEqual(set(self.listed()), {"one"}, "the mount has put it back")


class Export(Caches):
    def export(self, *words, code=0):
        done = btfs.run("export", *words, "--cache-dir", self.cache)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        self.assertEqual([path for path in self.folder.rglob(".btfs-*.part")], [])
        return done.stdout + done.stderr

    def test_a_finished_folder_is_copied(self):
        content, torrent = self.fill("mixed", MIXED)
        mount = btfs.Mount(self, torrent)
        out = self.folder / "out"
        out.mkdir()
        self.export(mount.mountpoint / "mixed", out)
        self.assertEqual(differences(content, out / "mixed"), "")
        self.assertIn("--force", self.export(mount.mountpoint / "mixed", out, code=1))
        (out / "mixed" / "readme.txt").write_bytes(b"changed")
        self.export("--force", mount.mountpoint / "mixed", out)
        self.assertEqual(differences(content, out / "mixed"), "")
        self.export(mount.mountpoint / "mixed" / "film.mkv", self.folder / "film")
        self.assertEqual((self.folder / "film").read_bytes(), (content / "film.mkv").read_bytes())
        self.export(mount.mountpoint / "mixed" / "film.mkv", self.folder / "film", code=1)

    def test_what_is_not_finished_is_refused_or_waited_for(self):
        content, torrent = self.make("two", {"a": 1_000_000, "b": 2_000_000})
        seed = btfs.Seed(self, content, torrent, "--piece-size", "256K")
        mount = btfs.Mount(self, torrent, peers=[seed.port])
        (mount.mountpoint / "two" / "a").read_bytes()
        out = self.folder / "out"
        self.export(mount.mountpoint / "two" / "a", out)
        said = self.export(mount.mountpoint / "two", self.folder / "all", code=1)
        self.assertIn("two/b: not downloaded to the end; --wait", said)
        self.assertFalse((self.folder / "all").exists())
        self.export("--wait", mount.mountpoint / "two", self.folder / "all")
        self.assertEqual(differences(content, self.folder / "all"), "")

    def test_what_is_no_mount_or_cannot_be_written_is_refused(self):
        content, torrent = self.fill("one", {"a": 100_000})
        self.assertIn("is no torrent's file", self.export(content / "a", self.folder / "out", code=1))
        mount = btfs.Mount(self, torrent)
        self.export(mount.mountpoint / "one" / "a", self.folder / "no" / "out", code=1)
        self.export(mount.mountpoint / "one" / "b", self.folder / "out", code=1)
        self.assertIn("is no torrent's file", self.export(mount.mountpoint / ".btfs/status", self.folder / "out", code=1))
        self.assertFalse((self.folder / "out").exists())

    def test_where_the_disk_can_share_blocks_it_does_and_damage_is_not_copied(self):
        disk = self.folder / "disk"
        disk.mkdir()
        image = self.folder / "image"
        with open(image, "wb") as file:
            file.truncate(400 << 20)
        maker = shutil.which("mkfs.xfs") or shutil.which("mkfs.btrfs")
        if not maker:
            self.lacks("neither mkfs.xfs nor mkfs.btrfs is installed")
        subprocess.run([maker, image], check=True, capture_output=True)
        if subprocess.run(["mount", "-o", "loop", image, disk], capture_output=True).returncode != 0:
            self.lacks("this machine does not mount the file of a file system")
        self.addCleanup(subprocess.run, ["umount", "-l", disk])
        self.cache = disk / "cache"
        room = ["--cache-min-free", "0"]
        film = self.folder / "from" / "film.mkv"
        film.parent.mkdir()
        film.write_bytes(random.Random(5).randbytes(20_000_001))
        torrent = btfs.create(self, film, self.folder / "film.torrent", "--piece-size", "256K")
        seed = btfs.Seed(self, film, torrent, "--piece-size", "256K")
        mount = btfs.Mount(self, torrent, peers=[seed.port], cache=self.cache, options=room)
        shown = mount.mountpoint / "film.mkv"
        shown.read_bytes()
        mount.stop()
        mount = btfs.Mount(self, torrent, peers=[seed.port], cache=self.cache, options=room)
        self.assertIn("19.0 MiB share the disk with the cache", self.export(shown, disk / "copy"))
        self.assertEqual((disk / "copy").read_bytes(), film.read_bytes())
        data, = self.files(".data")
        self.flip(data, [5 * PIECE + 77])
        self.assertIn("18.8 MiB share the disk", self.export(shown, disk / "second"))
        self.assertEqual((disk / "second").read_bytes(), film.read_bytes())


if __name__ == "__main__":
    main()
