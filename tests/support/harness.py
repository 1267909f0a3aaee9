"""Base of each script of the outer rings: its own namespaces, a temporary folder, processes that surely end,
and waiting with a limit.

A script is called with the path of btfs, and ends with main(). It runs in its own network, process and mount
namespace, so that no port is ever taken, nothing leaves the machine, and nothing outlives it, however it ends.
"""
import importlib
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

SKIP = 77  # what ctest takes for "skipped"
INSIDE = "BTFS_TEST_NAMESPACE"

btfs_path = ""


def skip(why):
    if os.environ.get("CI"):
        sys.exit(f"failed: {why}, and where CI is set nothing may be skipped")
    print(f"skipped: {why}", flush=True)
    sys.exit(SKIP)


def main(programs=(), modules=(), missing=lambda: ""):
    """Runs the tests of the calling script: SCRIPT BTFS [Class.test...]. missing() says what else it lacks."""
    global btfs_path
    if len(sys.argv) < 2:
        sys.exit(f"usage: {sys.argv[0]} BTFS [Class.test...]")
    if os.geteuid() != 0:
        skip("mounting and private networks need root")
    if not os.access("/dev/fuse", os.R_OK | os.W_OK):
        skip("/dev/fuse is not there, or may not be opened")
    for program in ("fusermount3", "unshare", "ip", *programs):
        if not shutil.which(program):
            skip(f"{program} is not installed")
    for module in modules:
        try:
            importlib.import_module(module)
        except ImportError:
            skip(f"Python's {module} is not installed")
    if why := missing():
        skip(why)
    # A script that a shell started in the background would pass on that these are ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    if INSIDE not in os.environ:
        _enter_namespaces()
    _become_init()
    btfs_path = str(Path(sys.argv[1]).resolve())
    unittest.main(module="__main__", argv=[sys.argv[0], *sys.argv[2:]], verbosity=2, testRunner=_Runner)


def _enter_namespaces():
    # A signal that kills unshare kills the process below it, and with that all in its namespace.
    unshare = ["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child=KILL", "--mount-proc"]
    if subprocess.run([*unshare, "true"], capture_output=True).returncode != 0:
        skip("this machine does not let root make namespaces")
    os.environ[INSIDE] = "1"
    os.execvp("unshare", [*unshare, sys.executable, "-B", *sys.argv])


def _leave_mounts_of_others():
    """Takes the mounts that other btfs processes have on this machine out of this namespace, and no farther."""
    with open("/proc/self/mountinfo") as lines:
        others = [line.split()[4] for line in lines if " - fuse.btfs " in line]
    for mountpoint in reversed(others):
        path = re.sub(r"\\(\d{3})", lambda digits: chr(int(digits[1], 8)), mountpoint)
        subprocess.run(["umount", "--lazy", "--no-canonicalize", path], check=True, timeout=10)


def _become_init():
    """The first process of the namespace collects its orphans; the tests are its child."""
    _leave_mounts_of_others()
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    child = os.fork()
    if child == 0:
        return
    while True:
        pid, status = os.wait()
        if pid == child:
            os._exit(os.waitstatus_to_exitcode(status) & 0xFF)


class _Result(unittest.TextTestResult):
    def startTest(self, test):
        self.began = time.monotonic()
        super().startTest(test)

    def addSuccess(self, test):
        unittest.TestResult.addSuccess(self, test)
        self.stream.writeln(f"ok ({time.monotonic() - self.began:.1f} s)")


class _Runner(unittest.TextTestRunner):
    resultclass = _Result


class TestCase(unittest.TestCase):
    """Gives each test a folder, self.folder, and ends what start() began, last first."""

    here = "127.0.0.1"  # loopback's address, where peers are

    def at(self, port):
        """HOST:PORT of a peer."""
        return f"[{self.here}]:{port}" if ":" in self.here else f"{self.here}:{port}"

    def lacks(self, what):
        """Skips the test; where CI is set it fails."""
        if os.environ.get("CI"):
            self.fail(f"{what}, and where CI is set nothing may be skipped")
        self.skipTest(what)

    def setUp(self):
        self.folder = Path(tempfile.mkdtemp(prefix="btfs-test."))
        self.addCleanup(self._remove_folder)
        self._outputs = 0

    def use_own_folders(self):
        """Gives the btfs processes of this test a runtime and a state folder of its own, self.runtime_folder and
        self.state_folder: what a mount remembers goes with the test. They lie right below self.folder, since the end of a
        long path would not fit into the address of a socket."""
        self.runtime_folder, self.state_folder = self.folder / "runtime", self.folder / "state"
        for variable, folder in (("XDG_RUNTIME_DIR", self.runtime_folder), ("XDG_STATE_HOME", self.state_folder)):
            folder.mkdir()
            before = os.environ.get(variable)
            os.environ[variable] = str(folder)
            self.addCleanup(_set_variable, variable, before)

    def _remove_folder(self):
        with open("/proc/self/mountinfo") as lines:
            left = [line.split()[4] for line in lines if line.split()[4].startswith(f"{self.folder}/")]
        for mountpoint in reversed(left):
            subprocess.run(["umount", "-l", mountpoint], timeout=10)
        shutil.rmtree(self.folder, ignore_errors=True)

    def start(self, command, **options):
        """A Popen whose .output is the file that takes what it says. It is ended with the test."""
        self._outputs += 1
        output = self.folder / f"output.{self._outputs}"
        with open(output, "wb") as sink:
            process = subprocess.Popen([str(word) for word in command], stdout=sink, stderr=subprocess.STDOUT,
                                       **{"stdin": subprocess.DEVNULL, **options})
        process.output = output
        self.addCleanup(self._finish, process)
        return process

    def _finish(self, process):
        end(process)
        if sys.exc_info()[0] or self._failed():
            text = process.output.read_text(errors="replace").splitlines()
            print(f"\n-- {' '.join(process.args[:2])}, exit {process.returncode}:", *text[-40:], sep="\n", flush=True)

    def _failed(self):
        result = self._outcome.result
        return any(test is self for test, _ in result.failures + result.errors) or not self._outcome.success

    def wait_for(self, condition, what, seconds=30):
        """The first true value of condition(). Fails the test after so many seconds."""
        limit = time.monotonic() + seconds
        while True:
            value = condition()
            if value:
                return value
            if time.monotonic() > limit:
                self.fail(f"after {seconds} s: no {what}")
            time.sleep(0.02)

    def wait_for_port(self, port, process=None):
        """Until somebody listens there. Without connecting: clients remember who came and said nothing."""
        def listens():
            if process and process.poll() is not None:
                self.fail(f"{process.args[0]} ended with {process.returncode}")
            return port in listening_ports()
        self.wait_for(listens, f"listener at port {port}")


def _set_variable(name, value):
    if value is None:
        os.environ.pop(name, None)
    else:
        os.environ[name] = value


def listening_ports():
    """TCP ports of this namespace."""
    ports = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        if os.path.exists(table):
            with open(table) as lines:
                rows = [line.split() for line in lines][1:]
            ports |= {int(row[1].rpartition(":")[2], 16) for row in rows if row[3] == "0A"}
    return ports


def has_open(pid, path):
    """Whether the process has this file open."""
    try:
        return any(os.readlink(f"/proc/{pid}/fd/{fd}") == str(path) for fd in os.listdir(f"/proc/{pid}/fd"))
    except OSError:
        return False  # it comes or goes


def is_asleep(pid):
    """Whether the process waits in the kernel; for one whose only wait is a read that is answered later."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] in "SD"
    except OSError:
        return False


def end(process, how=signal.SIGTERM, patience=10):
    """Ends a process that start() or Popen began; its exit code."""
    if process.poll() is None:
        process.send_signal(how)
        try:
            process.wait(patience)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    return process.returncode


def free_port():
    """A port that is free for TCP and UDP, and not given twice."""
    while True:
        with socket.socket() as tcp, socket.socket(type=socket.SOCK_DGRAM) as udp:
            tcp.bind(("", 0))
            port = tcp.getsockname()[1]
            try:
                udp.bind(("", port))
            except OSError:
                continue
        if port not in _given:
            _given.add(port)
            return port


_given = set()
