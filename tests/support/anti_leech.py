"""The rules of the anti-leech tools that users run beside qBittorrent and Transmission, applied to what one client
sees of its peers.

Such a tool asks the client every few seconds what it has sent to each peer, and what progress the peer announces. It
bans an address for weeks. The rules are those of the most widely used one, with its defaults of 2026.
"""
import ipaddress
from dataclasses import dataclass, field

IGNORED_SIZE = 50_000_000  # of smaller torrents the first two rules are not applied
DIFFERENCE = 0.10  # sent / size may exceed the announced progress by so much,
GRACE = 30  # or by more for so many seconds, once
REWIND = 0.07  # announced progress may fall by so much between two looks
EXCESS = 1.5  # sent may be so many times the torrent's size
CUT_AT = 0.10  # once so much of the torrent was sent, the peer is cut off once, to see its progress anew,
CUT_FOR = 15  # for so many seconds
MEMORY = 14 * 24 * 3600  # how long an address is remembered


@dataclass(frozen=True)
class Verdict:
    time: float
    address: str  # IPv4 address or IPv6 /56
    rule: str  # "difference", "rewind" or "excess", which ban; or "cut"
    detail: str

    @property
    def bans(self):
        return self.rule != "cut"


@dataclass
class _Record:
    """What the tool remembers of an address."""
    seen: float
    sent: int = 0  # over all connections
    last_sent: dict = field(default_factory=dict)  # of each port
    progress: float = 0
    grace_ends: float | None = None
    was_cut: bool = False
    largest_difference: float = 0


def counted_as(address):
    """The address itself, or the /56 of an IPv6 address."""
    parsed = ipaddress.ip_address(address)
    if parsed.version == 4:
        return str(parsed)
    return str(ipaddress.ip_network((parsed, 56), strict=False))


class AntiLeech:
    """The tool beside one client, for one torrent. sample() is called each time the tool looks at a peer."""

    def __init__(self, size):
        self.size = size
        self.verdicts = []
        self._records = {}

    def sample(self, now, address, port, sent, progress, sending=True):
        """`sent`: bytes of this connection so far. `progress`: as the peer announces it, 0 to 1. `sending`: the
        client sends to it right now. Gives the verdicts of this look."""
        where = counted_as(address)
        record = self._records.get(where)
        if record is None or now - record.seen > MEMORY:
            record = self._records[where] = _Record(now)
        before = record.last_sent.get(port, 0)
        record.sent += sent if sent < before else sent - before  # less than before: another connection
        record.last_sent[port] = sent
        record.seen = now
        found = [Verdict(now, where, rule, detail) for rule, detail in self._judge(record, now, progress)] if sending else []
        if progress > 0:  # 0 may be a peer whose bitfield has not come
            record.progress = progress
        self.verdicts += found
        return found

    def _judge(self, record, now, progress):
        share = record.sent / self.size
        small = self.size < IGNORED_SIZE
        if not small and not record.was_cut and share >= CUT_AT:
            record.was_cut = True
            yield "cut", f"for {CUT_FOR} s after {share:.1%}"
            return
        if record.sent > EXCESS * max(self.size, IGNORED_SIZE):
            yield "excess", f"{share:.0%} of the torrent sent"
            return
        if small or share <= progress:
            return
        record.largest_difference = max(record.largest_difference, share - progress)
        if share - progress > DIFFERENCE:
            # The grace is never given a second time, however long the peer was within the rule in between.
            if record.grace_ends is None:
                record.grace_ends = now + GRACE
            elif now > record.grace_ends:
                yield "difference", f"{share:.1%} sent, {progress:.1%} announced"
                return
        if progress > 0 and record.progress - progress > REWIND:
            yield "rewind", f"from {record.progress:.1%} to {progress:.1%}"

    def bans(self):
        return [verdict for verdict in self.verdicts if verdict.bans]

    def sent_to(self, address):
        record = self._records.get(counted_as(address))
        return record.sent if record else 0

    def largest_difference(self, address):
        """How far sent / size was beyond the announced progress at most."""
        record = self._records.get(counted_as(address))
        return record.largest_difference if record else 0
