"""Other machines: network namespaces, each at the end of a cable of its own."""
import ctypes
import os
import subprocess
import threading
from pathlib import Path

CLONE_NEWNET = 0x40000000


def run(*words):
    subprocess.run(words, check=True, capture_output=True, timeout=10)


class Machine:
    """Ends with the test. Our end of the cable bears its name; the addresses are ADDRESS/LENGTH."""

    def __init__(self, test, name, ours, theirs):
        process = test.start(["unshare", "--net", "sleep", "infinity"])
        self.namespace = Path(f"/proc/{process.pid}/ns/net")
        here = Path("/proc/self/ns/net").readlink()
        test.wait_for(lambda: self.namespace.readlink() != here, "namespace")
        far = f"{name}-far"
        run("ip", "link", "add", name, "type", "veth", "peer", "name", far, "netns", str(process.pid))
        test.addCleanup(run, "ip", "link", "delete", name)  # first: the other end would linger
        for where, device, address in ([], name, ours), (self.words(), far, theirs):
            run(*where, "ip", "address", "add", address, "dev", device, *(["nodad"] if ":" in address else []))
            run(*where, "ip", "link", "set", device, "up")
        run(*self.words("ip", "link", "set", "lo", "up"))

    def words(self, *command):
        """What runs the command there."""
        return ["nsenter", f"--net={self.namespace}", *command]

    def make(self, construct):
        """What construct() returns, with the sockets that it makes being that machine's."""
        made = []

        def run_there():
            there = os.open(self.namespace, os.O_RDONLY)
            if ctypes.CDLL(None, use_errno=True).setns(there, CLONE_NEWNET) == 0:
                made.append(construct())
            os.close(there)
        thread = threading.Thread(target=run_there)  # the namespace is the thread's
        thread.start()
        thread.join()
        return made[0]
