"""mpv without a screen, told what to do and asked how it fares over its JSON socket."""
import json
import socket
import time


class Player:
    """Plays a film in real time, and keeps the account of its stalls.

    It holds two seconds of film and nothing of what it has shown, so that what keeps it playing is not its own
    memory. It begins, and goes on after a jump or a stall, with one second at hand.
    """

    def __init__(self, test, film):
        self.test = test
        self.began = time.monotonic()
        self.stalls = 0
        self.position = None
        self._paused = False
        self._playing = False  # nothing is being waited for, so that a pause is a stall
        path = test.folder / f"mpv.{film.name}"
        self.process = test.start(
            ["mpv", "--no-config", "--vo=null", "--ao=null", "--hr-seek=no", "--idle=no", "--keep-open=yes",
             "--cache=yes", "--cache-secs=2", "--demuxer-seekable-cache=no", "--demuxer-max-back-bytes=0",
             "--cache-pause-initial=yes", "--cache-pause-wait=1", f"--input-ipc-server={path}", film])
        test.wait_for(path.exists, "socket of mpv")
        self._socket = socket.socket(socket.AF_UNIX)
        test.addCleanup(self._socket.close)
        test.wait_for(lambda: self._socket.connect_ex(str(path)) == 0, "listening mpv")
        self._buffer = b""
        for number, name in enumerate(["paused-for-cache", "time-pos", "eof-reached"], 1):
            self._say("observe_property", number, name)

    def wait_for_start(self, seconds):
        """Until the film moves; how long that took since mpv was called."""
        self._wait_until_it_moves(self.began, seconds)
        return time.monotonic() - self.began

    def jump(self, to, seconds):
        """Until the film moves at another place; how long that took."""
        began = time.monotonic()
        self._playing = False
        self._say("seek", to, "absolute")
        self._wait(lambda event: event.get("event") == "seek", began + seconds, "seek")
        self._wait(lambda event: event.get("event") == "playback-restart", began + seconds, "playback after a seek")
        self._wait_until_it_moves(began, seconds)
        return time.monotonic() - began

    def play(self, seconds):
        """Lets it play for so long; how many seconds of the film went by."""
        first = self.position
        end = time.monotonic() + seconds
        while self._next_event(end):
            pass
        return self.position - first

    def _wait_until_it_moves(self, began, seconds):
        self.position = None
        seen = []

        def moves(event):
            if event.get("name") == "time-pos" and self.position is not None:
                seen.append(self.position)
            return not self._paused and seen and self.position > seen[0] + 0.1

        self._wait(moves, began + seconds, "moving film")
        self._playing = True

    def _wait(self, condition, end, what):
        while True:
            event = self._next_event(end)
            if event is None:
                self.test.fail(f"mpv: no {what} in time: {self.process.output.read_text(errors='replace')[-500:]}")
            if condition(event):
                return

    def _next_event(self, end):
        """What mpv says next; None when the time is over."""
        while b"\n" not in self._buffer:
            left = end - time.monotonic()
            if left <= 0:
                return None
            self._socket.settimeout(left)
            try:
                received = self._socket.recv(65536)
            except TimeoutError:
                return None
            if not received:
                self.test.fail(f"mpv has ended: {self.process.output.read_text(errors='replace')[-500:]}")
            self._buffer += received
        line, _, self._buffer = self._buffer.partition(b"\n")
        event = json.loads(line)
        if event.get("name") == "time-pos":
            self.position = event.get("data")
        if event.get("name") == "paused-for-cache":
            self._paused = bool(event.get("data"))
            if self._paused and self._playing:
                self.stalls += 1
        return event

    def _say(self, *words):
        self._socket.sendall(json.dumps({"command": words}).encode() + b"\n")
