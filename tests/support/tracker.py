"""A tracker of one address family, over HTTP (BEP 23, BEP 7) and UDP (BEP 15). Debian's opentracker knows no IPv6."""
import http.server
import socket
import struct
import threading
import time
import urllib.parse

CONNECTION = 0x1234567890ABCDEF
CONNECT, ANNOUNCE = 0, 1
UDP_EVENTS = ("", "completed", "started", "stopped")


class Tracker:
    """Gives each who announces all the others. Events are the words of HTTP, in the order in which they came."""

    def __init__(self, test, address="::1", interval=1800, delay=0, counts=None):
        self.events = []
        self._known = {}
        self._interval = interval
        self._counts = counts  # of seeds and leechers, told over HTTP
        self._delay = delay  # seconds that an answer over HTTP takes
        self._family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self._serve_http(test, address)
        self._serve_udp(test, address)

    def _announce(self, host, port, event):
        self.events.append(event)
        self._known[(host, port)] = True
        return b"".join(socket.inet_pton(self._family, other) + struct.pack(">H", at)
                        for other, at in self._known if (other, at) != (host, port))

    def _serve_http(self, test, address):
        tracker = self

        class Announce(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                time.sleep(tracker._delay)
                query = urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query, encoding="latin-1")
                peers = tracker._announce(self.client_address[0], int(query["port"][0]), query.get("event", [""])[0])
                key = b"5:peers0:6:peers6" if tracker._family == socket.AF_INET6 else b"5:peers"
                counts = b"8:completei%de10:incompletei%de" % tracker._counts if tracker._counts else b""
                answer = b"d%b8:intervali%de%b%d:%be" % (counts, tracker._interval, key, len(peers), peers)
                self.send_response(200)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            address_family = self._family

            def handle_error(self, *_):
                pass  # who announced has gone

        server = Server((address, 0), Announce)
        host = f"[{address}]" if ":" in address else address
        self.http = f"http://{host}:{server.server_address[1]}/announce"
        test.addCleanup(server.server_close)
        test.addCleanup(server.shutdown)
        threading.Thread(target=server.serve_forever, daemon=True).start()

    def _serve_udp(self, test, address):
        server = socket.socket(self._family, socket.SOCK_DGRAM)
        host = f"[{address}]" if ":" in address else address
        server.bind((address, 0))
        self.udp = f"udp://{host}:{server.getsockname()[1]}"
        test.addCleanup(server.close)

        def serve():
            while True:
                try:
                    question, sender = server.recvfrom(2048)
                except OSError:
                    return
                connection, action, transaction = struct.unpack(">QII", question[:16])
                if action == CONNECT:
                    server.sendto(struct.pack(">IIQ", CONNECT, transaction, CONNECTION), sender)
                elif action == ANNOUNCE and connection == CONNECTION:
                    event, = struct.unpack(">I", question[80:84])
                    port, = struct.unpack(">H", question[96:98])
                    peers = self._announce(sender[0], port, UDP_EVENTS[event])
                    server.sendto(struct.pack(">IIIII", ANNOUNCE, transaction, self._interval, 0, 1) + peers, sender)
        threading.Thread(target=serve, daemon=True).start()
