"""A SOCKS5 and HTTP proxy that says what it was asked for. As a program: proxies.py KIND ADDRESS:PORT LOG [OPTION...]

KIND is socks5 or http. Each line of LOG is a request: CONNECT, GET, UDP (the first datagram to a host), or RELAY (the
place of one); whether the host came as a name, host and port.
Options: login=USER:PASSWORD, name=NAME:ADDRESS (a name that it knows), no-udp, bound=ADDRESS (that it claims to have).
"""
import re
import select
import socket
import struct
import sys
import threading
from base64 import b64encode
from pathlib import Path

IPV4, NAME, IPV6 = 1, 3, 4
CONNECT, UDP_ASSOCIATE = 1, 3


class Proxy:
    """Of a test, on its own machine or on another one (support.machine)."""

    def __init__(self, test, kind, *options, address="127.0.0.1", port=1080, machine=None):
        self.log = test.folder / f"proxy.{kind}.{port}"
        self.log.touch()
        self.port = port
        self.url = f"{kind}://{address}:{port}"
        command = ["/usr/bin/python3", "-B", Path(__file__).resolve(), kind, f"{address}:{port}", self.log, *options]
        self.process = test.start(machine.words(*command) if machine else command)
        test.wait_for(lambda: "listening" in self.process.output.read_text(), "proxy")

    def requests(self):
        """What it was asked for: (command, "name" or "address", host, port)."""
        return [tuple(line.split(" ")) for line in self.log.read_text().splitlines()]

    def hosts(self, command):
        return {host for asked, _, host, _ in self.requests() if asked == command}


class Server:
    def __init__(self, kind, where, log, options):
        self.log = open(log, "a", buffering=1)
        self.names = dict(option[5:].split(":", 1) for option in options if option.startswith("name="))
        self.login = next((option[6:] for option in options if option.startswith("login=")), None)
        self.bound = next((option[6:] for option in options if option.startswith("bound=")), None)
        self.udp = "no-udp" not in options
        host, _, port = where.rpartition(":")
        self.address = host
        self.listener = socket.create_server((host, int(port)), backlog=200)
        self.serve = self.serve_socks if kind == "socks5" else self.serve_http

    def run(self):
        print("listening", flush=True)
        while True:
            client, _ = self.listener.accept()
            threading.Thread(target=self.serve_one, args=(client,), daemon=True).start()

    def serve_one(self, client):
        try:
            self.serve(client)
        except (OSError, EOFError, ValueError, struct.error):
            pass
        finally:
            client.close()

    def note(self, command, is_name, host, port):
        self.log.write(f"{command} {'name' if is_name else 'address'} {host} {port}\n")

    def reach(self, host, port):
        return socket.create_connection((self.names.get(host, host), port), timeout=10)

    # ---- SOCKS5 ----

    def serve_socks(self, client):
        version, count = take(client, 2)
        methods = take(client, count)
        method = 2 if self.login else 0
        if version != 5 or method not in methods:
            return client.sendall(b"\5\xff")
        client.sendall(bytes([5, method]))
        if self.login:
            _, size = take(client, 2)
            user = take(client, size).decode()
            password = take(client, take(client, 1)[0]).decode()
            good = f"{user}:{password}" == self.login
            client.sendall(b"\1\0" if good else b"\1\1")
            if not good:
                return None
        _, command, _, kind = take(client, 4)
        host, port = take_address(client, kind)
        if command == CONNECT:
            self.note("CONNECT", kind == NAME, host, port)
            try:
                far = self.reach(host, port)
            except OSError:
                return client.sendall(b"\5\5\0\1" + bytes(6))
            client.sendall(b"\5\0\0\1" + bytes(6))
            return join(client, far)
        if command == UDP_ASSOCIATE and self.udp:
            return self.relay(client)
        return client.sendall(b"\5\7\0\1" + bytes(6))

    def relay(self, client):
        """Until the client hangs up."""
        near = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        near.bind((self.address, 0))
        far = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        far.bind(("0.0.0.0", 0))
        bound = self.bound or self.address
        client.sendall(b"\5\0\0\1" + socket.inet_aton(bound) + struct.pack(">H", near.getsockname()[1]))
        self.note("RELAY", False, bound, near.getsockname()[1])
        told, sender = set(), None
        with near, far:
            while True:
                for ready in select.select([client, near, far], [], [])[0]:
                    if ready is client:
                        if not client.recv(1):
                            return
                    elif ready is near:
                        datagram, sender = near.recvfrom(65536)
                        host, port, is_name, payload = parse_datagram(datagram)
                        if (host, port) not in told:
                            told.add((host, port))
                            self.note("UDP", is_name, host, port)
                        try:
                            far.sendto(payload, (self.names.get(host, host), port))
                        except OSError:
                            pass
                    elif sender:
                        payload, (host, port) = far.recvfrom(65536)
                        head = b"\0\0\0\1" + socket.inet_aton(host) + struct.pack(">H", port)
                        near.sendto(head + payload, sender)

    # ---- HTTP ----

    def serve_http(self, client):
        head = b""
        while b"\r\n\r\n" not in head:
            head += take(client, 1)
        lines = head.decode("latin-1").split("\r\n")
        method, target, _ = lines[0].split(" ")
        if self.login:
            wanted = "Basic " + b64encode(self.login.encode()).decode()
            if f"Proxy-Authorization: {wanted}" not in lines:
                return client.sendall(b"HTTP/1.1 407 Who?\r\nContent-Length: 0\r\n\r\n")
        if method == "CONNECT":
            host, _, port = target.rpartition(":")
            path = None
        else:
            host, port, path = re.fullmatch(r"http://([^/:]+)(?::(\d+))?(/.*)", target).groups()
            port = port or "80"
        host = host.strip("[]")
        self.note(method, not re.fullmatch(r"[0-9.]+|[0-9a-f:]+", host), host, port)
        try:
            far = self.reach(host, int(port))
        except OSError:
            return client.sendall(b"HTTP/1.1 502 No way\r\nContent-Length: 0\r\n\r\n")
        if path is None:
            client.sendall(b"HTTP/1.1 200 Connected\r\n\r\n")
        else:
            kept = [line for line in lines[1:-2] if not line.startswith(("Proxy-", "Connection:"))]
            far.sendall("\r\n".join([f"{method} {path} HTTP/1.1", *kept, "Connection: close", "", ""]).encode("latin-1"))
        return join(client, far)


def take(source, size):
    taken = b""
    while len(taken) < size:
        part = source.recv(size - len(taken))
        if not part:
            raise EOFError
        taken += part
    return taken


def take_address(source, kind):
    if kind == NAME:
        host = take(source, take(source, 1)[0]).decode()
    else:
        family = socket.AF_INET if kind == IPV4 else socket.AF_INET6
        host = socket.inet_ntop(family, take(source, 4 if kind == IPV4 else 16))
    return host, struct.unpack(">H", take(source, 2))[0]


class Buffer:
    """Bytes that are taken as if from a socket."""

    def __init__(self, data):
        self.data = data

    def recv(self, size):
        taken, self.data = self.data[:size], self.data[size:]
        return taken


def parse_datagram(datagram):
    rest = Buffer(datagram)
    _, _, _, kind = take(rest, 4)
    host, port = take_address(rest, kind)
    return host, port, kind == NAME, rest.data


def join(a, b):
    """Carries bytes both ways until both sides have ended."""
    def carry(source, sink):
        try:
            while part := source.recv(65536):
                sink.sendall(part)
        except OSError:
            pass
        try:
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass
    b.settimeout(None)
    with b:
        other = threading.Thread(target=carry, args=(b, a), daemon=True)
        other.start()
        carry(a, b)
        other.join()


if __name__ == "__main__":
    Server(sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4:]).run()
