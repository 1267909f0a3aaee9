"""A film of an hour among real leechers: libtorrent, Transmission, qBittorrent and aria2 each hold another part of it
and upload slowly; one slow libtorrent seeds. btfs mounts it, and a reader plays it at a constant rate and seeks now
and then. Beside each client stands the checker of the anti-leech rules.

    film_hour.py BTFS [--seconds N] [--output FOLDER]

Prints a table, and writes film_hour.json and each sample (film_hour.csv) into the folder. Fails if a tool would have
banned btfs, if a client disconnected it for cause or was not connected for long, if btfs banned one of them, if a byte was
wrong, or if the film could not be played to its end.
"""
import argparse
import csv
import json
import os
import random
import sys
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from support import btfs
from support.anti_leech import AntiLeech, counted_as
from support.harness import TestCase, main
from support.tracker import Tracker

SECONDS = float(os.environ.get("FILM_SECONDS", 3600))
OUTPUT = Path(os.environ.get("FILM_OUTPUT", "."))

HOUR_SIZE = 1_288_490_189  # 1.2 GiB: 358 kB/s for an hour
LEAST_SIZE = 51_000_000  # the tools ignore smaller films
PIECE_SIZE = 1 << 20
HOLDERS = 1  # leechers that have a piece at the start
LEECHER_UPLOAD = 400_000  # bytes per second
SEED_UPLOAD = 200_000
OUR_UPLOAD = "400K"

CHUNK = 128 << 10  # of a read
BUFFER = 10  # seconds that the player reads ahead
SEEKS = 8
SLOW_READ = 2  # seconds
SAMPLE = 2  # seconds
CONNECTED = 0.7  # of all looks at a client, in at least so many it is connected to btfs; not every client tells of bans
OURS = "127.0.0.1"


def piece_of(index, size):
    return random.Random(index).randbytes(size)


class Film:
    """Content that anybody can make again, piece by piece."""

    def __init__(self, size):
        self.size = size
        self.pieces = -(-size // PIECE_SIZE)

    def write(self, path, pieces):
        """A file that has these pieces, and holes in place of the others."""
        path.parent.mkdir(parents=True)
        with open(path, "wb") as file:
            file.truncate(self.size)
            for index in pieces:
                file.seek(index * PIECE_SIZE)
                file.write(piece_of(index, min(PIECE_SIZE, self.size - index * PIECE_SIZE)))
        return path


class Reader(threading.Thread):
    """A player: reads at a constant rate, up to BUFFER seconds ahead of what it shows, and waits while it has nothing
    to show. The film is cut into parts that are played in another order, each once: every change is a seek."""

    def __init__(self, path, original, size, seconds):
        super().__init__(daemon=True)
        self.path, self.original = path, original
        self.rate = size / seconds
        cuts = [size * i // SEEKS for i in range(SEEKS + 1)]
        order = list(range(1, SEEKS))
        random.Random(7).shuffle(order)
        self.parts = [(cuts[i], cuts[i + 1]) for i in [0, *order]]
        self.done_bytes = 0
        self.first_reads = []  # seconds until something was there, at the start and after each seek
        self.slow_reads = []  # seconds of those that took longer than SLOW_READ
        self.stalls = []  # (when, seconds) without anything to show
        self.wrong = 0
        self.error = None
        self.finished = False

    def run(self):
        try:
            with open(self.path, "rb", buffering=0) as film, open(self.original, "rb") as original:
                self.began = time.monotonic()
                for begin, end in self.parts:
                    self._play(film, original, begin, end)
            self.finished = True
        except OSError as e:
            self.error = str(e)

    def _play(self, film, original, begin, end):
        at, ahead = begin, 0.0
        now = time.monotonic()
        while at < end:
            size = min(CHUNK, end - at)
            got = os.pread(film.fileno(), size, at)
            took = time.monotonic() - now
            if at == begin:
                self.first_reads.append(took)
            elif took > SLOW_READ:
                self.slow_reads.append(took)
            self.wrong += got != os.pread(original.fileno(), size, at)
            ahead -= took
            if ahead < 0:
                if at != begin:
                    self.stalls.append((round(now - self.began, 1), round(-ahead, 2)))
                ahead = 0
            ahead += size / self.rate
            at += size
            self.done_bytes += size
            now += took
            if ahead > BUFFER:
                time.sleep(ahead - BUFFER)
                later = time.monotonic()
                ahead -= later - now
                now = later

    def stalled(self):
        return sum(seconds for _, seconds in self.stalls)


class Observer:
    """What a client's user and the tool beside the client see."""

    def __init__(self, client, size):
        self.client = client
        self.tool = AntiLeech(size)
        self.start = client.totals()
        self.pairs = {}  # address -> [sent, got, highest progress], over all connections
        self._last = {}
        self.connections_of_ours = set()
        self.looks = self.looks_with_ours = self.errors = 0

    def look(self, now):
        """Rows of (time, client, peer, progress, sent, got)."""
        rows = []
        connections = self.client.connections()
        self.looks += 1
        self.looks_with_ours += any(peer.address == OURS for peer in connections)
        for peer in connections:
            port = 0 if self.client.carries_sums else peer.port
            key = (peer.address, port)
            sent, got = self._last.get(key, (0, 0))
            pair = self.pairs.setdefault(peer.address, [0, 0, 0])
            pair[0] += peer.sent - sent if peer.sent >= sent else peer.sent
            pair[1] += peer.got - got if peer.got >= got else peer.got
            pair[2] = max(pair[2], peer.progress)
            self._last[key] = (peer.sent, peer.got)
            self.tool.sample(now, peer.address, port, peer.sent, peer.progress, peer.sending or peer.sent > sent)
            if peer.address == OURS:
                self.connections_of_ours.add(peer.port)
            rows.append((round(now, 1), self.client.name, peer.address, round(peer.progress, 5), int(peer.sent), int(peer.got)))
        return rows


class FilmHour(TestCase):
    def test_nobody_bans_who_plays_a_film(self):
        from support.real_clients import Aria2, Libtorrent, Qbittorrent, Transmission
        size = max(LEAST_SIZE, int(HOUR_SIZE * SECONDS / 3600))
        film = Film(size)
        self.say(f"a film of {size / 1e6:.0f} MB for {SECONDS:.0f} s: {size / SECONDS / 1e3:.0f} kB/s")
        tracker = Tracker(self, OURS, interval=30)
        original = film.write(self.folder / "seed" / "film.mkv", range(film.pieces))
        torrent = btfs.create(self, original, self.folder / "film.torrent", "--tracker", tracker.http,
                              "--piece-size", str(PIECE_SIZE))

        kinds = [("libtorrent", Libtorrent), ("libtorrent-2", Libtorrent), ("Transmission", Transmission),
                 ("qBittorrent", Qbittorrent), ("aria2", Aria2)]
        chance = random.Random(3)
        holders = [chance.sample(range(len(kinds)), HOLDERS) for _ in range(film.pieces)]
        clients = [Libtorrent(self, "seed", "127.0.0.10", torrent, original.parent, SEED_UPLOAD)]
        for i, (name, kind) in enumerate(kinds):
            part = film.write(self.folder / f"{name}-content" / "film.mkv",
                              [piece for piece in range(film.pieces) if i in holders[piece]])
            clients.append(kind(self, name, f"127.0.0.{11 + i}", torrent, part.parent, LEECHER_UPLOAD))
        for client in clients:
            self.wait_for(client.is_ready, f"{client.name} that has checked its content", 300)
        self.say("at the start: " + ", ".join(f"{c.name} {c.totals().progress:.0%}" for c in clients))

        observers = [Observer(client, size) for client in clients]
        mount = btfs.Mount(self, torrent, peers=[f"{client.address}:{client.port}" for client in clients],
                           options=["--no-dht", "--no-lsd", "--no-portmap", "--limit-local", "--upload-limit", OUR_UPLOAD],
                           alone=False)
        film_path = mount.mountpoint / "film.mkv"
        self.wait_for(film_path.exists, "film")
        reader = Reader(film_path, original, size, SECONDS)
        reader.start()
        self.watch(reader, observers, mount)
        self.report(reader, observers, mount, size)

    def say(self, what):
        print(time.strftime("%H:%M:%S"), what, flush=True)

    def watch(self, reader, observers, mount):
        """Samples until the film has ended, or far too much time has passed."""
        OUTPUT.mkdir(parents=True, exist_ok=True)
        began = said = time.monotonic()
        with open(OUTPUT / "film_hour.csv", "w", newline="") as file:
            table = csv.writer(file)
            table.writerow(("seconds", "client", "peer", "announced", "sent", "got"))
            while reader.is_alive() and time.monotonic() < began + 1.5 * SECONDS + 60:
                time.sleep(SAMPLE)
                now = time.monotonic() - began
                for observer in observers:
                    try:
                        table.writerows(observer.look(now))
                    except OSError as e:  # a client that is busy for long
                        observer.errors += 1
                        self.say(f"{observer.client.name} does not answer: {e}")
                if time.monotonic() > said + 60:
                    said = time.monotonic()
                    file.flush()
                    self.say(f"{now:5.0f} s: played {reader.done_bytes / 1e6:.0f} MB, stalled {reader.stalled():.1f} s in "
                             f"{len(reader.stalls)}; " +
                             ", ".join(f"{o.client.name} {o.pairs.get(OURS, [0, 0, 0])[0] / 1e6:.0f}>"
                                       f"{o.pairs.get(OURS, [0, 0, 0])[1] / 1e6:.0f}" for o in observers) +
                             f"; bans {sum(len(o.tool.bans()) for o in observers)}")
        self.took = time.monotonic() - began

    def report(self, reader, observers, mount, size):
        rows = []
        for observer in observers:
            client, end = observer.client, observer.client.totals()
            sent, got, announced = observer.pairs.get(OURS, [0, 0, 0])
            rows.append({
                "client": client.name, "progress_at_start": observer.start.progress, "progress_at_end": end.progress,
                "sent_in_all": end.sent - observer.start.sent, "got_in_all": end.got - observer.start.got,
                "sent_to_btfs": int(sent), "got_from_btfs": int(got), "btfs_announced": announced,
                "largest_difference": observer.tool.largest_difference(OURS),
                "connected": observer.looks_with_ours / max(1, observer.looks),
                "connections_of_btfs": len(observer.connections_of_ours), "looks_that_failed": observer.errors,
                "verdicts": [vars(verdict) for verdict in observer.tool.verdicts if verdict.address == counted_as(OURS)],
                "verdicts_on_others": [vars(verdict) for verdict in observer.tool.verdicts
                                       if verdict.address != counted_as(OURS)],
                "trouble": client.trouble(OURS),
                "pairs": {address: {"sent": int(s), "got": int(g), "announced": p}
                          for address, (s, g, p) in sorted(observer.pairs.items())},
            })
        summary = {"seconds": self.took, "film": size, "read": reader.done_bytes, "finished": reader.finished,
                   "wrong_reads": reader.wrong, "error": reader.error, "first_reads": reader.first_reads,
                   "slow_reads": reader.slow_reads, "stalls": reader.stalls, "stalled": reader.stalled(),
                   "status": (mount.mountpoint / ".btfs" / "status").read_text(), "clients": rows}
        (OUTPUT / "film_hour.json").write_text(json.dumps(summary, indent=1))
        (OUTPUT / "film_hour.btfs.log").write_text(mount.log())

        print(f"\n{self.took:.0f} s for a film of {SECONDS:.0f} s; stalled {reader.stalled():.1f} s in {len(reader.stalls)} "
              f"stalls; {len(reader.slow_reads)} reads of more than {SLOW_READ} s; at the start and after seeks the first "
              f"read took {', '.join(f'{s:.2f}' for s in reader.first_reads)} s")
        print(f"{'client':14}{'had':>6}{'has':>6}{'sent to btfs':>14}{'of the film':>12}{'got from btfs':>14}"
              f"{'beyond announced':>17}{'sent in all':>13}{'connected':>10}  verdicts")
        for row in rows:
            rules = [verdict["rule"] for verdict in row["verdicts"]]
            print(f"{row['client']:14}{row['progress_at_start']:6.0%}{row['progress_at_end']:6.0%}"
                  f"{row['sent_to_btfs'] / 1e6:11.1f} MB{row['sent_to_btfs'] / size:12.1%}"
                  f"{row['got_from_btfs'] / 1e6:11.1f} MB{row['largest_difference']:17.2%}"
                  f"{row['sent_in_all'] / 1e6:10.1f} MB{row['connected']:10.0%}  {', '.join(rules) or 'none'}")
        for row in rows:
            for line in row["trouble"]:
                print(f"{row['client']}: {line}")
        ours = [line for line in mount.log().splitlines() if "peer sent wrong data" in line]
        print(*ours, sep="\n", flush=True)

        self.assertEqual([(row["client"], v) for row in rows for v in row["verdicts"] if v["rule"] != "cut"], [])
        self.assertEqual([(row["client"], line) for row in rows for line in row["trouble"]], [])
        self.assertEqual([row["client"] for row in rows if row["connected"] < CONNECTED], [])
        self.assertEqual(ours, [], "btfs banned an honest peer")
        self.assertEqual((reader.error, reader.wrong), (None, 0))
        self.assertTrue(reader.finished, "the film did not come to its end")


if __name__ == "__main__":
    arguments = argparse.ArgumentParser()
    arguments.add_argument("btfs")
    arguments.add_argument("--seconds", default=None)
    arguments.add_argument("--output", default=None)
    known, rest = arguments.parse_known_args()
    for name, value in (("FILM_SECONDS", known.seconds), ("FILM_OUTPUT", known.output)):
        if value is not None:
            os.environ[name] = str(Path(value).resolve()) if name == "FILM_OUTPUT" else value
    sys.argv[1:] = [known.btfs, *rest]
    SECONDS = float(os.environ.get("FILM_SECONDS", SECONDS))
    OUTPUT = Path(os.environ.get("FILM_OUTPUT", OUTPUT))
    main(programs=["transmission-daemon", "qbittorrent-nox", "aria2c"], modules=["libtorrent"])
