"""Tests without IPv4."""
from pathlib import Path

from support.machine import run

LOOPBACK = f"{1:032x}"


class Ipv6Alone:
    """Mixed into a TestCase, before it: not even loopback has an address of IPv4."""

    here = "::1"

    def setUp(self):
        addresses = Path("/proc/net/if_inet6")
        if not addresses.exists() or LOOPBACK not in addresses.read_text():
            self.lacks("this machine has no IPv6")
        super().setUp()
        run("ip", "-4", "address", "flush", "dev", "lo")
        self.addCleanup(run, "ip", "address", "add", "127.0.0.1/8", "dev", "lo")
