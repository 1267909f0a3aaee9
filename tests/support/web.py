"""The web server of a mount, as a client that knows HTTP sees it."""
import http.client
import json
import re
import socket


class Web:
    def __init__(self, mount):
        self.mount = mount
        self.port = int(mount.find(r"web page at http://[^/]*:(\d+)/")[1])
        self.streams = self.playlists = None

    def connect(self):
        """A socket, on which a test says what it likes."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=20)

    def ask(self, path, method="GET", body=None, **headers):
        """The status, the headers and the body of an answer. `Sec_Fetch_Site` stands for Sec-Fetch-Site."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        return answer.status, answer.headers, content

    def status(self, **headers):
        status, _, body = self.ask("/api/status", **headers)
        assert status == 200, body
        found = json.loads(body)
        self.streams, self.playlists = found["streams"], found["playlists"]
        return found

    def stream(self, path, method="GET", **headers):
        if not self.streams:
            self.status()
        return self.ask(self.streams + path, method, **headers)

    def url(self, path):
        if not self.streams:
            self.status()
        return f"http://127.0.0.1:{self.port}{self.streams}{path}"

    def control(self, request, **headers):
        return self.ask("/api/control", "POST", json.dumps(request), **{"Content_Type": "application/json", **headers})


def parts_of(headers, body):
    """The Content-Range and the bytes of each part of a multipart/byteranges."""
    boundary = re.search("boundary=(.*)", headers["Content-Type"])[1].encode()
    found = []
    for part in body.split(b"\r\n--" + boundary)[1:-1]:
        head, _, content = part.partition(b"\r\n\r\n")
        found.append((re.search(rb"Content-Range: (.*)", head)[1].strip().decode(), content))
    return found
