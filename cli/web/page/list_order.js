// ListOrder: chooses the torrents that the list shows, and their order.

const collator = new Intl.Collator(undefined, {numeric: true, sensitivity: 'base'});

/// Columns by their id. `value` is what they are sorted by: numbers the largest first, unless it is turned round.
export const COLUMNS = {
  name: {title: 'Name', value: (torrent) => torrent.name},
  state: {title: 'State', value: (torrent) => torrent.words},
  had: {title: 'Here', value: (torrent) => torrent.part ?? -1},
  size: {title: 'Size', value: (torrent) => torrent.size ?? -1},
  down: {title: 'Down', value: (torrent) => torrent.down},
  up: {title: 'Up', value: (torrent) => torrent.up},
  peers: {title: 'Peers', value: (torrent) => torrent.peers},
};

export const FILTERS = {
  all: {title: 'All', test: () => true},
  active: {title: 'Active', test: (torrent) => torrent.isActive},
  waiting: {title: 'Waiting', test: (torrent) => torrent.kind === 'waiting'},
  complete: {title: 'Complete', test: (torrent) => torrent.kind === 'complete'},
  failed: {title: 'Failed', test: (torrent) => torrent.kind === 'failed'},
};

/// A choice of torrents and their order: `filter` and `column` are ids, `search` is the text of the field.
export class ListOrder {
  constructor({filter = 'all', search = '', column = 'name', turned = false} = {}) {
    this.filter = filter;
    this.column = column;
    this.turned = turned;
    this.search = search;
  }

  set search(text) {
    this.words = [];
    this.label = null;
    for (const word of text.toLowerCase().split(/\s+/)) {
      if (word.startsWith('label:')) this.label = word.slice(6);
      else if (word) this.words.push(word);
    }
  }

  takes(torrent) {
    return FILTERS[this.filter].test(torrent) && this.words.every((word) => torrent.text.includes(word)) &&
      (this.label === null || (torrent.label ?? '').toLowerCase() === this.label);
  }

  compare(one, other) {
    const {value} = COLUMNS[this.column];
    const a = value(one), b = value(other);
    const order = typeof a === 'number' ? b - a : collator.compare(a, b);
    return (this.turned ? -order : order) || collator.compare(one.name, other.name) || (one.key < other.key ? -1 : 1);
  }

  sorted(torrents) {
    const taken = [];
    for (const torrent of torrents) if (this.takes(torrent)) taken.push(torrent);
    return taken.sort((one, other) => this.compare(one, other));
  }

  /// Whether a change moves anything in the list.
  moves([before, now]) {
    const was = before !== null && this.takes(before), is = now !== null && this.takes(now);
    if (was !== is) return true;
    if (!is) return false;
    const {value} = COLUMNS[this.column];
    return value(before) !== value(now) || before.name !== now.name;
  }
}

export function countsOf(torrents) {
  const counts = Object.fromEntries(Object.keys(FILTERS).map((id) => [id, 0]));
  for (const torrent of torrents)
    for (const id in FILTERS) if (FILTERS[id].test(torrent)) ++counts[id];
  return counts;
}
