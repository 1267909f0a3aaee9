"""Other machines: network namespaces, each at the end of a cable of its own."""
import subprocess
from pathlib import Path


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
