"""Manual pages and completions have every command and option of --help: documents_test.py BTFS."""
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = None


def run(*words, **options):
    return subprocess.run([str(word) for word in words], capture_output=True, text=True, timeout=60, **options)


def needs(program):
    return unittest.skipUnless(shutil.which(program), f"{program} is not installed")


def help_of(*words):
    done = run(PROGRAM, *words, "--help")
    assert done.returncode == 0, done
    return done.stdout


def commands():
    """All commands as tuples of words, read from --help in a way of its own."""
    found = [()]
    for words in found:
        _, _, table = help_of(*words).partition("\nSubcommands:\n")
        rows = [line for line in table.splitlines() if re.match(r"  \S", line)]
        # "status, top    Show ...": two names of a command
        found += [(*words, name) for row in rows for name in re.split(r"\s{2,}", row.strip())[0].split(", ")]
    return found


def options_of(*words):
    """All options of a command, as "-f" and "--foreground"."""
    text = re.split(r"\n\w+:\n", help_of(*words).partition("\nOptions:\n")[2])[0]
    heads = [line.split()[0] for line in text.splitlines() if line.startswith("  -")]
    return [name.partition("{")[0] for head in heads for name in head.split(",")]


class Documents(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = Path(tempfile.mkdtemp())
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        done = run(sys.executable, "-B", ROOT / "packaging/documents.py", PROGRAM, cls.folder)
        assert done.returncode == 0, done
        cls.commands = commands()
        cls.completions = cls.folder / "completions"

    def test_the_help_was_read(self):
        self.assertIn(("mount",), self.commands)
        self.assertIn(("cache", "prune"), self.commands)
        self.assertIn("--foreground", options_of("mount"))
        self.assertIn("-f", options_of("mount"))

    # ---- manual pages ----

    def page_of(self, words):
        return (self.folder / "man1" / ("-".join(("btfs", *words[:1])) + ".1")).read_text()

    def test_each_command_and_option_has_its_place_in_a_manual_page(self):
        for words in self.commands:
            page = self.page_of(words)
            if len(words) > 1:
                page = page.partition(f".SS {' '.join(('btfs', *words))}\n")[2].partition("\n.S")[0]
            for name in options_of(*words):
                self.assertIn(f"\\fB{name}\\fR".replace("-", "\\-"), page, words)
            if words:
                self.assertIn("btfs\\-" + words[0] + "\\fR(1)", self.page_of(()))

    def test_each_piece_of_prose_has_its_page(self):
        pages = {path.stem for path in self.folder.glob("man?/*")}
        self.assertEqual({path.stem for path in (ROOT / "packaging/man").iterdir()} - pages, set())

    def test_every_section_of_the_manual_has_its_page(self):
        prose = "".join(path.read_text() for path in (ROOT / "packaging/man").iterdir())
        pages = {path.stem: path.read_text() for path in self.folder.glob("man?/*")}
        without = {"The manual of btfs", "Usage", "btfs --version, --help"}
        text = re.sub(r"```.*?```", "", (ROOT / "cli/MANUAL.md").read_text(), flags=re.DOTALL)
        for title in set(re.findall(r"(?m)^#+ (.*)$", text)) - without:
            commands = re.findall(r"\bbtfs ([a-z]+)", title)
            for command in commands:
                self.assertIn((command,), self.commands, title)
            found = commands or f'.MANUAL "{title}"' in prose or \
                any(f".SH {title.upper()}\n" in page.replace("\\-", "-") for page in pages.values())
            self.assertTrue(found, title)

    def test_pages_say_what_the_manual_says(self):
        for page, texts in {"btfs-mount.1": (".SS Proxies", ".SH WEB PAGE", ".SH REMOTES", "Sonarr", ".SH IP FILTER", "watch",
                                             "\\fB\\-\\-cache\\-size\\fR=\\fISIZE\\fR"),
                            "btfs-status.1": ("F9 or Del", "F4 or", "uTP carries the connection"), "btfs-top.1": ("F9 or Del",),
                            "btfs-cache.1": ("hashes all that is there",), "btfs-resume.1": ("goes on at once",),
                            "btfs-wait.1": ("waits for a torrent that is not there yet",), "btfs.1": ("Every byte is verified", "wait ended"),
                            "btfs-rm.1": ('"From a shell" in \\fBbtfs\\-add\\fR(1)',)}.items():
            shown = (self.folder / "man1" / page).read_text()
            for text in texts:
                self.assertIn(text.lower(), shown.lower().replace("\\fb\\-\\-wait\\fr", "wait"), page)
        self.assertIn("may stand in its section", (self.folder / "man5/btfs.toml.5").read_text())
        self.assertIn("_netdev", (self.folder / "man8/mount.btfs.8").read_text())

    @needs("man")
    def test_manual_pages_have_no_warnings(self):
        for page in sorted(self.folder.glob("man?/*")):
            done = run("man", "--warnings", "-E", "UTF-8", "-Tutf8", "-l", page, cwd=self.folder,
                       env={**os.environ, "LC_ALL": "C.UTF-8", "MANROFFSEQ": "", "MANWIDTH": "80"})
            self.assertEqual((done.returncode, done.stderr), (0, ""), page.name)
            self.assertGreater(len(done.stdout.splitlines()), 10, page.name)

    # ---- completions ----

    def bash(self, *words):
        """What bash offers for the last word. As readline does, "=" is a word of its own."""
        parts = [part for word in words for part in re.split("(=)", word) if part or not word]
        script = ('. "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _btfs 2>/dev/null; '
                  'printf "%s\\n" "${COMPREPLY[@]}"')
        done = run("bash", "--norc", "-c", script, "bash", self.completions / "btfs.bash", "btfs", *parts, cwd=self.folder)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return done.stdout.split("\n")[:-1] if done.stdout.strip() else []

    def fish(self, *words):
        line = " ".join(("btfs", *words))
        done = run("fish", "--no-config", "-c", f"source {self.completions}/btfs.fish; complete -C '{line}'",
                   cwd=self.folder, env={**os.environ, "HOME": str(self.folder)})
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return [offer.split("\t")[0] for offer in done.stdout.splitlines()]

    def zsh(self, *words):
        """What zsh offers for the last word, in a terminal of its own."""
        line = " ".join(("btfs", *words))
        script = r"""
            zmodload zsh/zpty; zpty z zsh -f -i
            zpty -w z "PROMPT=; fpath=($1 \$fpath); autoload -Uz compinit; compinit -u -D; zstyle ':completion:*' verbose no
                       LISTMAX=10000; zstyle ':completion:*' list-prompt ''; COLUMNS=100; LINES=2000
                       show() { compadd() { builtin compadd -O got \"\$@\"; print -rl -- \$got; builtin compadd \"\$@\" }; print; _main_complete
                                print END; exit }
                       zle -C show complete-word show; bindkey '^I' show; print READY"
            repeat 100; do zpty -r z line || break; [[ $line == *READY* && $line != *print* ]] && break; done
            zpty -w -n z "$2"$'\t'
            repeat 10000; do zpty -r z line || break; print -r -- "$line"; [[ $line == *END* ]] && break; done
        """
        done = run("zsh", "-f", "-c", script, "zsh", self.completions, line, cwd=self.folder,
                   env={**os.environ, "TERM": "dumb", "ZDOTDIR": str(self.folder)})
        self.assertIn("END", done.stdout, done)
        return [word for line in done.stdout.splitlines() for word in line.split()]

    def assert_offers_everything(self, shell, minus="-", names=lambda options: options):
        for words in self.commands:
            below = {other[-1] for other in self.commands if other[:-1] == words and other}
            offered = set(shell(*words, ""))
            self.assertLessEqual(below, offered, words)
            self.assertLessEqual(set(names(options_of(*words))), set(shell(*words, minus)), words)

    def assert_offers_values(self, shell):
        (self.folder / "film.torrent").touch()
        (self.folder / "films").mkdir(exist_ok=True)
        self.assertLessEqual({"tcp", "utp", "both"}, set(shell("mount", "--transport", "")))
        self.assertTrue({"film.torrent", "films", "films/"} & set(shell("add", "fil")))
        only_folders = {offer.rstrip("/") for offer in shell("mount", "--cache-dir", "fil")}
        self.assertIn("films", only_folders)
        self.assertNotIn("film.torrent", only_folders)

    def test_bash_offers_every_command_and_option(self):
        self.assert_offers_everything(self.bash)
        self.assert_offers_values(self.bash)
        self.assertEqual(self.bash("mou"), ["mount"])
        self.assertEqual(self.bash("mount", "--transport=u"), ["utp"])
        self.assertEqual(self.bash("cache", "list", "--js"), ["--json"])

    @needs("fish")
    def test_fish_offers_every_command_and_option(self):
        self.assert_offers_everything(lambda *words: [*self.fish(*words), *self.fish(*words[:-1], words[-1] + "-")]
                                      if words[-1] == "-" else self.fish(*words))
        self.assert_offers_values(self.fish)
        self.assertEqual(self.fish("mou"), ["mount"])

    @needs("zsh")
    def test_zsh_offers_commands_options_and_values(self):
        self.assertLessEqual({words[0] for words in self.commands if len(words) == 1}, set(self.zsh("")))
        for words in (("mount",), ("cache", "prune")):
            self.assertLessEqual({name for name in options_of(*words) if name.startswith("--")}, set(self.zsh(*words, "--")))
        self.assertIn("prune", self.zsh("cache", ""))
        self.assertLessEqual({"tcp", "utp", "both"}, set(self.zsh("mount", "--transport=")))

    def test_mountpoints_of_running_mounts_are_offered(self):
        """For what wants one; /proc/self/mounts is another in this test."""
        mounts = self.folder / "mounts"
        mounts.write_text("film.torrent /mnt/films\\040of\\134ann fuse.btfs ro 0 0\nproc /proc proc rw 0 0\n")
        folder = self.folder / "replaced"
        shutil.copytree(self.completions, folder)
        self.addCleanup(shutil.rmtree, folder)
        for path in folder.iterdir():
            text = path.read_text()
            self.assertIn("/proc/self/mounts", text)
            path.write_text(text.replace("/proc/self/mounts", str(mounts)))
        before, self.completions = self.completions, folder
        self.addCleanup(setattr, self, "completions", before)
        for words in (("status", ""), ("umount", ""), ("ls", ""), ("add", "--to", ""), ("rm", "--from", ""),
                      ("pause", "--of", ""), ("set", "--of", "")):
            self.assertEqual(self.bash(*words), ["/mnt/films of\\ann"], words)
            if shutil.which("fish"):
                self.assertIn("/mnt/films of\\ann", " ".join(self.fish(*words)).replace("\\ ", " ").replace("\\\\", "\\"))
            if shutil.which("zsh"):
                self.assertIn("of\\ann", self.zsh(*words), words)

    def test_torrents_of_the_mount_or_cache_are_offered(self):
        """For operands that name one; btfs is another program in this test, which tells how it was asked."""
        fake = self.folder / "fake"
        fake.mkdir()
        (fake / "btfs").write_text("#!/bin/sh\necho \"a film\"\necho \"$(echo $* | tr ' ' _)\"\n")
        (fake / "btfs").chmod(0o755)
        self.addCleanup(shutil.rmtree, fake)
        before = os.environ["PATH"]
        os.environ["PATH"] = f"{fake}:{before}"
        self.addCleanup(os.environ.__setitem__, "PATH", before)
        for words, asked in ((("rm",), "ls_--names"), (("pause",), "ls_--names"), (("resume",), "ls_--names"), (("set",), "ls_--names"),
                             (("rm", "--from", "/mnt/x"), "ls_--names_/mnt/x"),
                             (("pause", "--of=/mnt/x", "one"), "ls_--names_/mnt/x"),
                             (("cache", "clear"), "cache_list_--names"),
                             (("cache", "verify", "--cache-dir", "/c"), "cache_list_--names_--cache-dir_/c")):
            self.assertEqual(self.bash(*words, ""), ["a film", asked], words)
            if shutil.which("fish"):
                self.assertLessEqual({"a film", asked}, {offer.replace("\\", "") for offer in self.fish(*words, "")}, words)
            if shutil.which("zsh"):
                self.assertLessEqual({"film", asked}, set(self.zsh(*words, "")), words)
        self.assertEqual(self.bash("rm", "a\\ f"), ["a film"])
        (self.folder / "films").mkdir(exist_ok=True)
        self.assertIn("./films", self.bash("rm", "./fil"))


if __name__ == "__main__":
    PROGRAM = sys.argv.pop(1)
    unittest.main()
