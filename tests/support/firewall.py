"""A firewall of this namespace that refuses TCP connections: nothing leads to a refused port (EHOSTUNREACH)."""
import socket

from support.machine import run


class Firewall:
    """Refuses over IPv4, and until the test's end. Routing rules do it, so that no other program is needed."""

    def __init__(self, test):
        self.test = test
        # The kernel's first rule, with which loopback would come before all others, moves down.
        run("ip", "rule", "add", "pref", "20", "lookup", "local")
        run("ip", "rule", "delete", "pref", "0")
        test.addCleanup(run, "ip", "rule", "delete", "pref", "20")
        test.addCleanup(run, "ip", "rule", "add", "pref", "0", "lookup", "local")

    def refuse_tcp(self, port):
        """Refuses connections to this port of this machine; none is there yet."""
        rule = ("pref", "10", "ipproto", "tcp", "dport", str(port), "unreachable")
        run("ip", "rule", "add", *rule)
        self.test.addCleanup(run, "ip", "rule", "delete", *rule[:-1])
        with self.test.assertRaises(OSError):
            socket.create_connection((self.test.here, port), 5).close()
