"""nfs-ganesha, an NFS server that keeps file handles, and libnfs, whose programs need no kernel to read from it."""
import os
import subprocess

from support.harness import free_port

CONFIG = """
NFS_CORE_PARAM {{
    Protocols = 4;
    NFS_Port = {port};
    Enable_NLM = false;
    Enable_RQUOTA = false;
    Enable_UDP = false;
}}
NFSv4 {{
    Graceless = true;
    Minor_Versions = 0;
    RecoveryRoot = {folder};
}}
MDCACHE {{
    Entries_HWMark = 1000;
}}
EXPORT {{
    Export_Id = 1;
    Path = {path};
    Pseudo = /export;
    Access_Type = RO;
    Squash = No_root_squash;
    SecType = sys;
    Protocols = 4;
    Filesystem_Id = 1.1;
    FSAL {{ Name = VFS; }}
}}
"""


class Server:
    """Exports a folder as /export over NFSv4, on this machine alone. Ends with the test."""

    def __init__(self, test, path):
        self.test = test
        self.port = free_port()
        folder = test.folder / "ganesha"
        folder.mkdir(exist_ok=True)
        os.makedirs("/var/run/ganesha", exist_ok=True)
        config = folder / "ganesha.conf"
        config.write_text(CONFIG.format(port=self.port, path=path, folder=folder))
        self.process = test.start(["ganesha.nfsd", "-F", "-f", config, "-L", "STDOUT", "-N", "EVENT",
                                   "-p", folder / "pid"])
        test.wait_for_port(self.port, self.process)

    def url(self, path):
        return f"nfs://127.0.0.1/export/{path}?version=4&nfsport={self.port}"

    def run(self, program, path, seconds=30):
        done = subprocess.run([program, self.url(path)], capture_output=True, timeout=seconds)
        self.test.assertEqual((done.returncode, done.stderr), (0, b""), f"{program} {path}")
        return done.stdout

    def cat(self, path):
        return self.run("nfs-cat", path)

    def ls(self, path):
        return self.run("nfs-ls", path).decode()
