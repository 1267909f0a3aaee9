// TorrentCatalog: keeps what events tell of the mount: its torrents by key, its readers, and its rates so far.

const SAMPLES = 300;
/// Bytes per second that are the end of an average, not a transfer.
const NOISE = 512;

export class TorrentCatalog {
  constructor() {
    this.torrents = new Map();
    /// The last event without its torrents; null before the first.
    this.mount = null;
    /// {time in ms, down, up}, the oldest first.
    this.rates = [];
  }

  /// Takes an event of the feed. Returns pairs [before, now] of the torrents that differ, either of them null.
  apply({torrents, gone, all, ...mount}) {
    const changes = [];
    if (all) {
      const there = new Set(torrents.map((torrent) => torrent.key));
      gone = [...this.torrents.keys()].filter((key) => !there.has(key));
    }
    for (const key of gone) {
      changes.push([this.torrents.get(key) ?? null, null]);
      this.torrents.delete(key);
    }
    this.mount = mount;
    const reading = new Set(mount.readers.map((reader) => torrentNameOf(reader.path)));
    for (const told of torrents) {
      const before = this.torrents.get(told.key) ?? null;
      const now = described(told, reading.has(told.name));
      this.torrents.set(now.key, now);
      changes.push([before, now]);
    }
    for (const before of this.torrents.values()) {
      if (before.isRead === reading.has(before.name)) continue;
      const now = described(before, !before.isRead);
      this.torrents.set(now.key, now);
      changes.push([before, now]);
    }
    this.rates.push({time: performance.now(), down: mount.down, up: mount.up});
    if (this.rates.length > SAMPLES) this.rates.shift();
    return changes;
  }

  readersOf(torrent) {
    return (this.mount?.readers ?? []).filter((reader) => torrentNameOf(reader.path) === torrent.name);
  }

  /// The key by which a torrent goes now: one that was added by a URL has another once its info-hash is known.
  keyNow(key) {
    if (this.torrents.has(key)) return key;
    for (const torrent of this.torrents.values()) if (keyOfId(torrent.id) === key) return torrent.key;
    return null;
  }

  labels() {
    const labels = new Set();
    for (const torrent of this.torrents.values()) if (torrent.label) labels.add(torrent.label);
    return [...labels].sort();
  }
}

/// The key of a torrent whose info-hash is not known.
export function keyOfId(id) {
  return `id:${id}`;
}

function torrentNameOf(path) {
  const slash = path.indexOf('/');
  return slash < 0 ? path : path.slice(0, slash);
}

/// Adds what the list shows and searches.
function described(torrent, isRead) {
  const part = torrent.size === null ? null : torrent.size === 0 ? 1 : torrent.had / torrent.size;
  const kind = torrent.state === 'failed' ? 'failed' : !['ready', 'paused'].includes(torrent.state) ? 'waiting'
    : part === 1 ? 'complete' : 'ready';
  const words = isRead ? 'being read' : (torrent.verifying ?? null) !== null ? `verifying ${Math.floor(100 * torrent.verifying)} %`
    : kind === 'complete' && !torrent.paused ? 'complete' : torrent.state;
  const [down, up] = [torrent.down, torrent.up].map((rate) => rate < NOISE ? 0 : rate);
  return {
    ...torrent, down, up, part, kind, words, isRead,
    isActive: isRead || down + up > 0,
    text: `${torrent.name}\n${torrent.label ?? ''}\n${words}\n${torrent.info_hash ?? ''}`.toLowerCase(),
  };
}
