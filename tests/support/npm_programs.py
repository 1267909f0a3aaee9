"""Programs with packages from npm, which packaging/install-npm-clients.sh puts into build/npm. They say lines of JSON, and
take lines."""
import json
import shutil
import subprocess
from pathlib import Path

SCRIPTS = Path(__file__).resolve().parent / "npm"
MODULES = SCRIPTS.parents[2] / "build" / "npm" / "node_modules"


def missing():
    """Why they cannot run, or nothing."""
    if not shutil.which("node"):
        return "node is not installed"
    if not (MODULES / "webtorrent").is_dir():
        return "npm's webtorrent is not installed in build/npm"
    return ""


def lacks_browser():
    """Why no script can drive a browser, or nothing."""
    if not shutil.which("node"):
        return "node is not installed"
    if not (MODULES / "playwright-core").is_dir():
        return "npm's playwright-core is not installed in build/npm"
    return ""


def lacks_utp():
    """Why they have no uTP, or nothing. Its native part comes built, for some machines."""
    if missing():
        return missing()
    runs = subprocess.run(["node", "--eval", "require(process.argv[1])", MODULES / "utp-native"], capture_output=True)
    return "" if runs.returncode == 0 else "npm's utp-native does not run"


class Program:
    def __init__(self, test, script, *arguments):
        self.test = test
        self.script = script
        self.process = test.start(["node", "--import", SCRIPTS / "no_webrtc.mjs", SCRIPTS / script, MODULES,
                                   *arguments], stdin=subprocess.PIPE)
        test.addCleanup(self.process.stdin.close)

    def tell(self, line):
        self.process.stdin.write(f"{line}\n".encode())
        self.process.stdin.flush()

    def said(self, key):
        lines = self.process.output.read_text().splitlines()
        return [word[key] for word in map(json.loads, (line for line in lines if line.startswith("{"))) if key in word]

    def wait_for(self, key, seconds=30):
        return self.test.wait_for(lambda: self.said(key), f"'{key}' from {self.script}", seconds)
