"""A router that maps ports: by NAT-PMP (RFC 6886) or by UPnP (WANIPConnection:1), or that only seems to. It is an HTTP
tracker, too, on port 8000. Each word that it hears is a line of JSON on stdout.

    gateway.py OWN_ADDRESS natpmp|upnp|silent|nonsense [LEASE_SECONDS]

It gives the external port that is wanted, plus 1000."""
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

NATPMP_PORT, SSDP_GROUP, SSDP_PORT, UPNP_PORT, TRACKER_PORT = 5351, "239.255.255.250", 1900, 5000, 8000
EXTERNAL_ADDRESS = "8.8.4.4"  # UPnP's library wants a public one
COMMON_SERVICE = "urn:schemas-upnp-org:service:WANCommonInterfaceConfig:1"
SERVICE = "urn:schemas-upnp-org:service:WANIPConnection:1"
CONFLICT = 718


def tell(**word):
    os.write(sys.stdout.fileno(), json.dumps(word).encode() + b"\n")  # in one, since threads tell


def answer_to_natpmp(question, lease):
    header = struct.pack(">BBHI", 0, 128 + question[1], 0, int(time.monotonic()))
    if question[1] == 0:
        return header + socket.inet_aton(EXTERNAL_ADDRESS)
    port, wanted, lifetime = struct.unpack(">HHI", question[4:12])
    protocol = {1: "udp", 2: "tcp"}[question[1]]
    if lifetime == 0:
        tell(unmapped=protocol, port=port)
        return header + struct.pack(">HHI", port, 0, 0)
    tell(mapped=protocol, port=port, external=wanted + 1000)
    return header + struct.pack(">HHI", port, wanted + 1000, min(lifetime, lease))


def serve_natpmp(address, kind, lease):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind((address, NATPMP_PORT))
        while True:
            question, sender = server.recvfrom(2048)
            tell(asked="natpmp")
            if kind == "natpmp":
                server.sendto(answer_to_natpmp(question, lease), sender)
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
            if kind in ("upnp", "nonsense") and target:
                server.sendto(b"HTTP/1.1 200 OK\r\nCACHE-CONTROL: max-age=120\r\nEXT:\r\n"
                              b"LOCATION: http://%b:%d/gateway.xml\r\nST: %b\r\nUSN: uuid:1::%b\r\n\r\n"
                              % (address.encode(), UPNP_PORT, target[1], target[1]), sender)


class Quiet(BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

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

    def do_GET(self):
        if self.kind == "nonsense":
            return self.reply(200, b"<root><device><serviceList>" + bytes(range(256)) * 400)
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
            if Upnp.conflicts:
                Upnp.conflicts -= 1
                return 500, ("<s:Fault><faultcode>s:Client</faultcode><faultstring>UPnPError</faultstring><detail>"
                             '<UPnPError xmlns="urn:schemas-upnp-org:control-1-0">'
                             f"<errorCode>{CONFLICT}</errorCode></UPnPError></detail></s:Fault>")
            tell(mapped=arguments["NewProtocol"].lower(), port=int(arguments["NewInternalPort"]),
                 external=int(arguments["NewExternalPort"]), host=arguments["NewInternalClient"])
        elif action == "DeletePortMapping":
            tell(unmapped=arguments["NewProtocol"].lower(), external=int(arguments["NewExternalPort"]))
        return 200, f'<u:{action}Response xmlns:u="{SERVICE}">{values}</u:{action}Response>'


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
