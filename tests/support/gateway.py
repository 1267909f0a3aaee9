"""A router that maps ports: by PCP (RFC 6887), NAT-PMP (RFC 6886) or UPnP (WANIPConnection:1), or that only seems to. It is
an HTTP tracker, too, on port 8000. Each word that it hears is a line of JSON on stdout.

    gateway.py OWN_ADDRESS KIND [LEASE_SECONDS]

KIND is pcp, natpmp or upnp; silent, or nonsense, of all. Of bad ones by PCP there are pcp-refusing, which speaks NAT-PMP,
too, and pcp-forgetful, which loses its mappings between the first and the second; by NAT-PMP port-0 and lease-0; by UPnP
mute, which takes requests and says nothing, endless, slow (endless, too), refusing, and permanent, which knows no leases.

It gives the external port that is wanted, plus 1000."""
import contextlib
import json
import os
import re
import socket
import struct
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

NATPMP_PORT = PCP_PORT = 5351
SSDP_GROUP, SSDP_PORT, UPNP_PORT, TRACKER_PORT = "239.255.255.250", 1900, 5000, 8000
EXTERNAL_ADDRESS = "8.8.4.4"  # UPnP's library wants a public one
COMMON_SERVICE = "urn:schemas-upnp-org:service:WANCommonInterfaceConfig:1"
SERVICE = "urn:schemas-upnp-org:service:WANIPConnection:1"
PCP_KINDS = "pcp", "pcp-refusing", "pcp-forgetful"
NATPMP_KINDS = "natpmp", "pcp-refusing", "port-0", "lease-0"
UNSUPPORTED_VERSION = 1
CONFLICT, NOT_AUTHORIZED, NO_LEASES = 718, 606, 725


def tell(**word):
    os.write(sys.stdout.fileno(), json.dumps(word).encode() + b"\n")  # in one, since threads tell


def answer_to_natpmp(question, kind, lease):
    header = struct.pack(">BBHI", 0, 128 + question[1], 0, int(time.monotonic()))
    if question[1] == 0:
        return header + socket.inet_aton(EXTERNAL_ADDRESS)
    port, wanted, lifetime = struct.unpack(">HHI", question[4:12])
    protocol = {1: "udp", 2: "tcp"}[question[1]]
    if lifetime == 0:
        tell(unmapped=protocol, port=port)
        return header + struct.pack(">HHI", port, 0, 0)
    external = 0 if kind == "port-0" else wanted + 1000
    tell(mapped=protocol, port=port, external=external)
    return header + struct.pack(">HHI", port, external, 0 if kind == "lease-0" else min(lifetime, lease))


class Pcp:
    """A PCP server: checks all that a client has to send, and gives each mapping to the nonce that made it."""
    NOT_AUTHORIZED = 2

    def __init__(self, kind, lease):
        self.kind, self.lease, self.nonces, self.began = kind, lease, {}, time.monotonic()

    def answer(self, question, sender):
        version, opcode, _, lifetime = struct.unpack(">BBHI", question[:8])
        assert (version, question[8:24]) == (2, bytes(10) + b"\xff\xff" + socket.inet_aton(sender[0]))
        if opcode == 0:
            return self.header(opcode, 0, 0)
        nonce, protocol, port, wanted, _ = struct.unpack(">12sB3xHH16s", question[24:])
        name = {6: "tcp", 17: "udp"}[protocol]
        external = wanted + 1000 if lifetime else 0
        body = struct.pack(">12sB3xHH", nonce, protocol, port, external) + bytes(10) + b"\xff\xff" + \
            socket.inet_aton(EXTERNAL_ADDRESS)
        if self.kind == "pcp-refusing" or self.nonces.setdefault((sender[0], name, port), nonce) != nonce:
            tell(refused=name, port=port)
            return self.header(opcode, self.NOT_AUTHORIZED, 1800) + body
        if lifetime == 0:
            tell(unmapped=name, port=port)
        else:
            tell(mapped=name, port=port, external=external, by="pcp", nonce=nonce.hex())
        reply = self.header(opcode, 0, min(lifetime, self.lease)) + body
        if self.kind == "pcp-forgetful":
            self.kind, self.began = "pcp", time.monotonic()
        return reply

    def header(self, opcode, result, lifetime):
        age = int(time.monotonic() - self.began) + (3600 if self.kind == "pcp-forgetful" else 0)
        return struct.pack(">BBBBII12x", 2, 128 + opcode, 0, result, lifetime, age)


def serve_natpmp(address, kind, lease):
    pcp = Pcp(kind, lease)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind((address, NATPMP_PORT))
        while True:
            question, sender = server.recvfrom(2048)
            tell(asked="pcp" if question[0] == 2 else "natpmp")
            if question[0] == 2 and kind in PCP_KINDS:
                server.sendto(pcp.answer(question, sender), sender)
            elif question[0] == 2 and kind in NATPMP_KINDS:
                server.sendto(struct.pack(">BBHI", 0, 128 + question[1], UNSUPPORTED_VERSION, 0), sender)
            elif kind in NATPMP_KINDS:
                server.sendto(answer_to_natpmp(question, kind, lease), sender)
            elif kind == "nonsense":
                server.sendto(bytes([0, 128 + question[1]]) + b"\xff" * 9, sender)


def serve_ssdp(address, kind):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("", SSDP_PORT))
        membership = socket.inet_aton(SSDP_GROUP) + socket.inet_aton(address)
        server.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, membership)
        while True:
            question, sender = server.recvfrom(2048)
            tell(asked="upnp")
            target = re.search(rb"\r\nST: *(\S+)", question)
            if kind not in (*PCP_KINDS, *NATPMP_KINDS, "silent") and target:
                server.sendto(b"HTTP/1.1 200 OK\r\nCACHE-CONTROL: max-age=120\r\nEXT:\r\n"
                              b"LOCATION: http://%b:%d/gateway.xml\r\nST: %b\r\nUSN: uuid:1::%b\r\n\r\n"
                              % (address.encode(), UPNP_PORT, target[1], target[1]), sender)


class Quiet(BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def handle(self):
        with contextlib.suppress(OSError):  # btfs may end at any time
            super().handle()

    def reply(self, status, body):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class Tracker(Quiet):
    def do_GET(self):
        asked = parse_qs(urlsplit(self.path).query)
        tell(announced=int(asked["port"][0]), event=asked.get("event", [""])[0])
        self.reply(200, b"d8:intervali1800e5:peers0:e")


class Upnp(Quiet):
    kind = "upnp"
    conflicts = 1  # of the first ports that are asked for

    def go_on_forever(self):
        self.send_response(200)
        self.end_headers()
        sent = 0
        try:
            while True:
                sent += self.wfile.write(b"<a>" if self.kind == "slow" else b"<a>" * 20_000)
                time.sleep(0.5 if self.kind == "slow" else 0)
        except OSError:
            tell(hung_up_after=sent)

    def do_GET(self):
        tell(described=self.kind)
        if self.kind == "nonsense":
            return self.reply(200, b"<root><device><serviceList>" + bytes(range(256)) * 400)
        if self.kind == "mute":
            with contextlib.suppress(OSError):
                self.rfile.read()  # until the other side has enough
            return
        if self.kind in ("endless", "slow"):
            return self.go_on_forever()
        def device(kind, inside):
            return (f"<device><deviceType>urn:schemas-upnp-org:device:{kind}:1</deviceType>"
                    f"<friendlyName>g</friendlyName><UDN>uuid:{kind}</UDN>{inside}</device>")
        def devices(inside):
            return f"<deviceList>{inside}</deviceList>"
        def service(kind):
            return (f"<serviceList><service><serviceType>{kind}</serviceType><serviceId>{kind}</serviceId>"
                    "<controlURL>/control</controlURL><eventSubURL>/event</eventSubURL><SCPDURL>/x.xml</SCPDURL>"
                    "</service></serviceList>")
        inside = device("InternetGatewayDevice", devices(device(
            "WANDevice", service(COMMON_SERVICE) + devices(device("WANConnectionDevice", service(SERVICE))))))
        self.reply(200, f'<?xml version="1.0"?><root xmlns="urn:schemas-upnp-org:device-1-0">{inside}</root>'.encode())

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        action = self.headers["SOAPAction"].strip('"').rpartition("#")[2]
        status, inside = self.act(action, dict(re.findall(r"<(New\w+)>([^<]*)</", body)))
        self.reply(status, ('<?xml version="1.0"?><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/">'
                            f"<s:Body>{inside}</s:Body></s:Envelope>").encode())

    def act(self, action, arguments):
        values = ""
        if action == "GetStatusInfo":
            values = ("<NewConnectionStatus>Connected</NewConnectionStatus>"
                      "<NewLastConnectionError>ERROR_NONE</NewLastConnectionError><NewUptime>9</NewUptime>")
        elif action == "GetExternalIPAddress":
            values = f"<NewExternalIPAddress>{EXTERNAL_ADDRESS}</NewExternalIPAddress>"
        elif action == "AddPortMapping":
            lease = int(arguments["NewLeaseDuration"])
            if self.kind == "refusing":
                tell(refused=lease)
                return self.failure(NOT_AUTHORIZED)
            if Upnp.conflicts:
                Upnp.conflicts -= 1
                return self.failure(CONFLICT)
            if self.kind == "permanent" and lease:
                return self.failure(NO_LEASES)
            tell(mapped=arguments["NewProtocol"].lower(), port=int(arguments["NewInternalPort"]), lease=lease,
                 external=int(arguments["NewExternalPort"]), host=arguments["NewInternalClient"])
        elif action == "DeletePortMapping":
            tell(unmapped=arguments["NewProtocol"].lower(), external=int(arguments["NewExternalPort"]))
        return 200, f'<u:{action}Response xmlns:u="{SERVICE}">{values}</u:{action}Response>'

    def failure(self, code):
        return 500, ("<s:Fault><faultcode>s:Client</faultcode><faultstring>UPnPError</faultstring><detail>"
                     '<UPnPError xmlns="urn:schemas-upnp-org:control-1-0">'
                     f"<errorCode>{code}</errorCode></UPnPError></detail></s:Fault>")


def main(address, kind, lease="7200"):
    Upnp.kind = kind
    servers = [lambda: serve_natpmp(address, kind, int(lease)), lambda: serve_ssdp(address, kind),
               ThreadingHTTPServer((address, UPNP_PORT), Upnp).serve_forever]
    for serve in servers:
        threading.Thread(target=serve, daemon=True).start()
    tracker = ThreadingHTTPServer((address, TRACKER_PORT), Tracker)
    tell(ready=True)
    tracker.serve_forever()


main(*sys.argv[1:])
