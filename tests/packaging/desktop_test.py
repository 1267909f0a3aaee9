"""Magnet links of a browser and torrent files of a file manager open with btfs: desktop_test.py BTFS."""
import configparser
import os
import pty
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

DESKTOP = Path(__file__).resolve().parents[2] / "packaging/desktop"
RUNNER = "/usr/share/btfs/in-terminal"
PROGRAM = None


class DesktopEntries(unittest.TestCase):
    def setUp(self):
        self.folder = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)
        self.entries = []
        for template in sorted(DESKTOP.glob("*.desktop")):
            entry = self.folder / template.name
            entry.write_text(template.read_text().replace("@BTFS_IN_TERMINAL@", RUNNER))
            self.entries.append(entry)

    def test_entries_open_magnet_links_and_torrent_files(self):
        self.assertEqual([entry.name for entry in self.entries], ["btfs-add.desktop", "btfs-play.desktop"])
        for entry in self.entries:
            parser = configparser.RawConfigParser()
            parser.optionxform = str
            parser.read(entry)
            fields = parser["Desktop Entry"]
            self.assertEqual(set(fields["MimeType"].split(";")), {"x-scheme-handler/magnet", "application/x-bittorrent", ""})
            # xdg-open takes Exec apart at spaces, and knows no quotes.
            runner, command, code = fields["Exec"].split(" ")
            self.assertEqual((runner, f"btfs-{command}.desktop"), (RUNNER, entry.name))
            self.assertIn(code, ("%u", "%U"))
            help_text = subprocess.run([PROGRAM, command, "--help"], capture_output=True, text=True, check=True, timeout=30).stdout
            self.assertIn("SOURCE... " if code == "%U" else "SOURCE ", help_text.replace("\n", " "))

    @unittest.skipUnless(shutil.which("desktop-file-validate"), "desktop-file-validate is not installed")
    def test_entries_are_valid(self):
        for entry in self.entries:
            done = subprocess.run(["desktop-file-validate", entry], capture_output=True, text=True, timeout=30)
            self.assertEqual((done.returncode, done.stdout), (0, ""))

    # ---- the script that entries run ----

    def start(self, script, **options):
        """Starts the script with a btfs that is this shell script."""
        program = self.folder / "btfs"
        program.write_text("#!/bin/sh\n" + script)
        program.chmod(0o755)
        return subprocess.Popen([DESKTOP / "in-terminal.sh", "play", "magnet:?xt=a b"], stdout=subprocess.PIPE, text=True,
                                env={**os.environ, "PATH": f"{self.folder}:{os.environ['PATH']}"}, **options)

    def test_words_and_exit_code_are_those_of_btfs(self):
        process = self.start('printf "<%s>" "$@"; exit 3', stdin=subprocess.DEVNULL)
        self.assertEqual(process.communicate(timeout=30)[0], "<play><magnet:?xt=a b>")
        self.assertEqual(process.returncode, 3)

    def test_a_terminal_stays_open_after_a_failure_alone(self):
        keyboard, terminal = pty.openpty()
        self.addCleanup(os.close, keyboard)
        self.addCleanup(os.close, terminal)
        self.assertEqual(self.start("exit 0", stdin=terminal).communicate(timeout=30)[0], "")
        process = self.start("exit 1", stdin=terminal)
        self.assertEqual(process.stdout.read(5), "Enter")
        self.assertIsNone(process.poll())
        os.write(keyboard, b"\n")
        process.communicate(timeout=30)
        self.assertEqual(process.returncode, 1)


if __name__ == "__main__":
    PROGRAM = sys.argv.pop(1)
    unittest.main()
