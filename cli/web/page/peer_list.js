// The connected peers of a torrent, those that send most first.
import {make, setAttribute, setText} from './elements.js';
import {percentText, rateText} from './text_format.js';
import {VirtualRows} from './virtual_rows.js';

/// Words of peer_json()'s flags that tell a user something; "seed" is shown by what it has.
const FLAGS = {
  web_seed: 'web seed', utp: 'µTP', encrypted: 'encrypted', incoming: 'incoming', chokes_us: 'chokes us', snubbed: 'silent',
  interested: 'wants from us',
};

export class PeerList {
  constructor(scroller) {
    this.element = make('div', {class: 'peers rows', role: 'list', 'aria-label': 'Peers'});
    this.rows = new VirtualRows(scroller, this.element, makePeer, fillPeer);
  }

  close() {
    this.rows.close();
  }

  /// `pieces`: the number of the torrent's, or 0 while that is not known.
  set(peers, pieces) {
    const order = [...peers].sort((one, other) => other.down - one.down || other.up - one.up ||
      (one.endpoint < other.endpoint ? -1 : 1));
    this.rows.set(order.map((peer) => ({...peer, part: pieces ? peer.pieces / pieces : null})));
  }
}

function makePeer() {
  const parts = {};
  for (const name of ['client', 'down', 'up', 'about', 'has']) parts[name] = make('span', {class: name});
  const row = make('div', {class: 'row peer', role: 'listitem'}, parts.client, parts.down, parts.up, parts.about, parts.has);
  row.parts = parts;
  return row;
}

function fillPeer(row, peer, index) {
  const {parts} = row;
  setAttribute(row, 'aria-posinset', index + 1);
  setText(parts.client, peer.client ?? peer.endpoint);
  setText(parts.down, `↓ ${rateText(peer.down)}`);
  setText(parts.up, `↑ ${rateText(peer.up)}`);
  const words = [peer.endpoint, ...peer.flags.filter((flag) => flag in FLAGS).map((flag) => FLAGS[flag])];
  if (peer.round_trip > 0) words.push(`${Math.round(peer.round_trip * 1000)} ms`);
  setText(parts.about, words.join(' · '));
  setAttribute(parts.about, 'title', words.join(' · '));
  setText(parts.has, peer.flags.includes('seed') ? 'seed' : peer.part === null ? '' : `has ${percentText(peer.part)}`);
}
