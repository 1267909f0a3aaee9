"""Config files: the user's, the one that is named, and what is wrong with one."""
import json
import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from support import btfs
from support.content import differences, make_files
from support.harness import TestCase, free_port, main


class ConfigFile(TestCase):
    def setUp(self):
        super().setUp()
        self.content = make_files(self.folder / "content", {"film.mkv": 300_000})
        self.torrent = btfs.create(self, self.content, self.folder / "content.torrent")
        self.home = self.folder / "home"
        self.file = self.home / ".config/btfs/btfs.toml"
        self.file.parent.mkdir(parents=True)

    def run_btfs(self, *words):
        return btfs.run(*words, env={"HOME": str(self.home), "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"})

    def info_hash(self, done):
        return json.loads(done.stdout)["info_hash_v1"]

    def test_the_users_file_has_options_that_the_command_line_overrides(self):
        self.file.write_text("# of every command\n[info]\njson = true\n")
        self.assertEqual(len(self.info_hash(self.run_btfs("info", self.torrent))), 40)
        for words in (["--no-config"], ["--json=false"]):
            done = self.run_btfs("info", self.torrent, *words)
            self.assertTrue(done.stdout.startswith("name:"), done)

    def test_a_named_file_stands_in_place_of_the_others(self):
        self.file.write_text("nonsense")
        other = self.folder / "other.toml"
        other.write_text("[info]\njson = true\n")
        for words in (["--config", other, "info", self.torrent], ["info", self.torrent, f"--config={other}"]):
            self.assertEqual(len(self.info_hash(self.run_btfs(*words))), 40)

    def test_mistakes_are_told_with_their_place(self):
        for text, told in (("[mount]\nprot = 1\n", "btfs.toml, line 2: btfs mount has no option prot"),
                           ("[info]\njson = 'perhaps'\n", "btfs.toml, line 2: json: "),
                           ("[info\n", "btfs.toml, line 1: ")):
            self.file.write_text(text)
            done = self.run_btfs("info", self.torrent)
            self.assertEqual((done.returncode, done.stdout, len(done.stderr.splitlines())), (1, "", 1), done)
            self.assertIn(told, done.stderr)
            self.assertEqual(self.run_btfs("--help").returncode, 0)
        self.file.unlink()
        self.file.mkdir()
        self.assertIn(f"config file {self.file}: ", self.run_btfs("info", self.torrent).stderr)

    def test_every_option_of_every_command_may_stand_there(self):
        """Names are looked at for all commands, whichever is given."""
        text, count = "", 0
        for command in ("mount", "add", "rm", "set", "ls", "play", "create", "seed", "wait", "cache list", "cache prune", "export"):
            options = self.run_btfs(*command.split(), "--help").stdout.partition("\nOptions:\n")[2]
            names = re.findall(r"(?m)^  (?:-\w,)?-{1,2}([\w-]+)", options)
            keys = [name for name in names if name not in ("h", "help")]
            count += len(keys)
            text += f"[{command.replace(' ', '.')}]\n" + "".join(f"{key} = 'x'\n" for key in keys)
        self.assertGreater(count, 60)
        self.file.write_text(text)
        done = self.run_btfs("info", self.torrent)
        self.assertEqual((done.returncode, done.stderr), (0, ""), text)

    def test_the_example_has_options_that_are_there(self):
        example = (Path(__file__).resolve().parents[2] / "packaging/btfs.toml").read_text()
        text, count = re.subn(r"(?m)^#([a-z-]+ = )", r"\1", example)
        self.assertGreater(count, 5)
        for command in ("mount", "seed"):  # whose values are looked at
            self.file.write_text(text)
            done = self.run_btfs(command, "--port=0", self.folder / "missing", self.folder)
            self.assertEqual(done.returncode, 2, done.stderr)
            self.assertIn("--port", done.stderr)

    def test_a_mount_takes_its_options_from_there(self):
        seed = btfs.Seed(self, self.content, self.folder / "seeded.torrent")
        mountpoint = self.folder / "mnt"
        mountpoint.mkdir()
        self.file.write_text(f"cache-dir = '~/cache'\n[mount]\nport = {free_port()}\npeer = ['127.0.0.1:{seed.port}']\n"
                             "no-dht = true\nno-lsd = true\nno-portmap = true\n[seed]\nport = 1\n")
        self.addCleanup(btfs.run, "umount", mountpoint)
        done = self.run_btfs("mount", self.torrent, mountpoint)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual(differences(self.content, mountpoint / "content"), "")
        self.assertEqual(len(list((self.home / "cache").glob("*.claims"))), 1)
        self.assertIn("content", self.run_btfs("cache", "list").stdout)


if __name__ == "__main__":
    main()
