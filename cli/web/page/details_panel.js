// One torrent: its state, pieces, readers, files, peers and trackers, and what can be done with it.
import {icon, make, setAttribute, setHidden, setText} from './elements.js';
import {FileTree} from './file_tree.js';
import {isMedia} from './media_types.js';
import {copy, say, sayError} from './messages.js';
import {PeerList} from './peer_list.js';
import {PieceMapView} from './piece_map.js';
import {ReaderList} from './reader_list.js';
import {detailsOf, pathBelow, removeTorrent, setPaused, setPinned} from './requests.js';
import {countText, countedText, durationText, percentText, rateText, sizeText} from './text_format.js';

const EVERY_MS = 2000;
const TABS = {files: 'Files', peers: 'Peers', trackers: 'Trackers'};

export class DetailsPanel {
  /// `scroller` will hold this.element. onRemoved(): the torrent is no longer there.
  constructor(catalog, key, scroller, {onClose, onRemoved, onPlay}) {
    Object.assign(this, {catalog, key, onClose, onRemoved});
    this.details = null;
    this.tab = 'files';
    this.map = new PieceMapView();
    this.readers = new ReaderList({isShort: true});
    this.files = new FileTree(scroller, {onPlay, onPin: (path, pinned) => this.pin(path, pinned)});
    this.peers = new PeerList(scroller);
    this.trackers = make('div', {class: 'trackers', role: 'list', 'aria-label': 'Trackers'});
    this.element = make('div', {class: 'content details'}, this.makeTitle(), this.makeActions(), this.makeConfirmation(),
      this.makeFacts(), this.map.element, this.makeReaders(), ...this.makeTabs());
    this.update();
    this.ask();
  }

  close() {
    clearTimeout(this.timer);
    this.request?.abort();
    this.isClosed = true;
    for (const part of [this.map, this.files, this.peers]) part.close();
  }

  // ---- what is shown ----

  makeTitle() {
    this.name = make('h2', {id: 'details-name', tabindex: -1});
    this.summary = make('p', {class: 'summary'});
    this.fill = make('i');
    return make('header', {},
      make('div', {class: 'title'},
        make('button', {class: 'plain back', 'aria-label': 'Back to the list', onclick: this.onClose}, icon('back')), this.name,
        make('button', {class: 'plain shut', 'aria-label': 'Close the details', title: 'Close (Esc)', onclick: this.onClose}, icon('close'))),
      make('div', {class: 'track', 'aria-hidden': 'true'}, this.fill), this.summary);
  }

  makeActions() {
    const button = (name, words, onclick) => make('button', {onclick}, icon(name), make('span', {}, words));
    this.pinButton = button('pin', 'Pin all', () => this.pinAll());
    this.pauseButton = button('pause', 'Pause', () => this.pause());
    this.playlist = make('a', {class: 'button', download: '', title: 'A playlist of its films and songs for players', hidden: true}, icon('list'),
      make('span', {}, 'Playlist'));
    this.magnet = button('magnet', 'Magnet', () => copy(this.magnetLink(), 'Magnet link'));
    this.removeButton = make('button', {class: 'remove', 'aria-label': 'Remove', title: 'Remove (Del)', onclick: () => this.confirm(true)},
      icon('trash'));
    this.magnet.title = 'Copy the magnet link';
    return make('div', {class: 'actions start'}, this.pinButton, this.pauseButton, this.playlist, this.magnet, this.removeButton);
  }

  makeConfirmation() {
    this.deleteData = make('input', {type: 'checkbox'});
    this.removeAnyway = make('button', {class: 'danger', onclick: () => this.remove()}, 'Remove');
    this.confirmation = make('div', {class: 'confirmation', role: 'group', 'aria-label': 'Remove the torrent?', hidden: true,
      onkeydown: (event) => {
        if (event.key !== 'Escape') return;
        event.stopPropagation();
        this.confirm(false);
      }},
      make('p', {}, 'Remove this torrent from the mount? Programs that wait for its bytes get an error; what was downloaded stays in the cache while there is room.'),
      make('label', {class: 'check'}, this.deleteData, 'Delete what was downloaded, too'),
      make('div', {class: 'actions'}, make('button', {onclick: () => this.confirm(false)}, 'Keep'), this.removeAnyway));
    return this.confirmation;
  }

  makeFacts() {
    this.facts = {};
    const fact = (id, words) => {
      const value = this.facts[id] = make('dd');
      return make('div', {class: `of-${id}`}, make('dt', {}, words), value);
    };
    this.error = make('p', {class: 'error', hidden: true});
    return make('section', {}, this.error, make('dl', {class: 'facts'}, fact('down', 'Down'), fact('up', 'Up'),
      fact('peers', 'Peers'), fact('label', 'Label'), fact('hash', 'Info-hash'), fact('url', 'From')));
  }

  makeReaders() {
    this.readerSection = make('section', {hidden: true}, make('h3', {}, 'Read by'), this.readers.element);
    return this.readerSection;
  }

  makeTabs() {
    const bodies = {files: this.files.element, peers: this.peers.element, trackers: this.trackers};
    this.tabs = {};
    const list = make('div', {class: 'tabs', role: 'tablist', 'aria-label': 'Details', onkeydown: (event) => {
      const step = {ArrowLeft: -1, ArrowRight: 1}[event.key];
      if (!step) return;
      const ids = Object.keys(TABS);
      this.showTab(ids[(ids.indexOf(this.tab) + step + ids.length) % ids.length]);
      this.tabs[this.tab].button.focus();
      event.preventDefault();
    }});
    const panels = [];
    for (const [id, title] of Object.entries(TABS)) {
      const count = make('span', {class: 'count'});
      const empty = make('p', {class: 'quiet none', hidden: true});
      const button = make('button', {id: `tab-${id}`, role: 'tab', 'aria-controls': `tab-${id}-body`,
        onclick: () => this.showTab(id)}, title, ' ', count);
      const body = make('div', {id: `tab-${id}-body`, class: 'tab', role: 'tabpanel', 'aria-labelledby': `tab-${id}`}, empty, bodies[id]);
      this.tabs[id] = {button, count, body, empty};
      list.append(button);
      panels.push(body);
    }
    this.count('files', 0, 'They are listed once the metadata is here.');
    this.showTab(this.tab);
    return [list, ...panels];
  }

  showTab(id) {
    this.tab = id;
    for (const [each, {button, body}] of Object.entries(this.tabs)) {
      setAttribute(button, 'aria-selected', each === id);
      setAttribute(button, 'tabindex', each === id ? 0 : -1);
      body.hidden = each !== id;
    }
    this.files.rows.draw();
    this.peers.rows.draw();
  }

  // ---- updates ----

  /// Shows what the list knows of the torrent, after each event.
  update() {
    const torrent = this.catalog.torrents.get(this.key);
    if (!torrent) {
      if (this.catalog.mount !== null) this.onRemoved();
      return;
    }
    setText(this.name, torrent.name);
    this.fill.style.width = `${(torrent.part ?? 0) * 100}%`;
    const amount = torrent.size === null ? '' : torrent.part === 1 ? ` · ${sizeText(torrent.size)}`
      : ` · ${percentText(torrent.part)} of ${sizeText(torrent.size)}`;
    setText(this.summary, torrent.words + amount);
    setHidden(this.error, !torrent.error);
    setText(this.error, torrent.error ?? '');
    const known = this.details?.known_peers;
    const values = {
      down: rateText(torrent.down), up: rateText(torrent.up),
      peers: torrent.peers + (known ? ` of ${countText(known)}` : '') +
        (torrent.seeds ? `, ${countedText(torrent.seeds, 'seed')}` : ''),
      label: torrent.label ?? '', hash: torrent.info_hash ?? '', url: torrent.url ?? '',
    };
    for (const [id, words] of Object.entries(values)) {
      setText(this.facts[id], words);
      setHidden(this.facts[id].parentElement, words === '');
    }
    const isThere = torrent.size !== null && torrent.kind !== 'waiting' && torrent.kind !== 'failed';
    this.pinButton.disabled = !isThere;
    setText(this.pauseButton.lastChild, torrent.paused ? 'Resume' : 'Pause');
    this.pauseButton.disabled = torrent.kind === 'failed';
    this.magnet.disabled = !torrent.info_hash;
    const readers = this.catalog.readersOf(torrent);
    setHidden(this.readerSection, readers.length === 0);
    this.readers.set(readers);
    this.map.setPlaces(this.placesOf(readers));
  }

  /// Offsets in the torrent at which readers are, as far as its files are known.
  placesOf(readers) {
    const places = new Set();
    for (const reader of readers) {
      const file = this.details?.files.find((each) => each.path === reader.path);
      if (file && reader.position !== null) places.add(file.offset + Math.min(reader.position, Math.max(file.size - 1, 0)));
    }
    return [...places].sort((a, b) => a - b);
  }

  /// Asks for the details, and again after a while for as long as somebody sees them.
  async ask() {
    clearTimeout(this.timer);
    this.request?.abort();
    const hash = this.catalog.torrents.get(this.key)?.info_hash;
    if (hash && !document.hidden) {
      const request = this.request = new AbortController();
      try {
        const details = await detailsOf(hash, request.signal);
        if (request.signal.aborted) return;
        this.show(details);
      } catch {
        // Whether the mount is there is told elsewhere.
        if (request.signal.aborted) return;
      }
    }
    if (!this.isClosed) this.timer = setTimeout(() => this.ask(), EVERY_MS);
  }

  show(details) {
    this.details = details;
    this.map.set(details.pieces);
    this.files.set(details);
    this.peers.set(details.connections, details.pieces?.count ?? 0);
    this.showTrackers(details.trackers);
    this.count('files', details.files.length, 'They are listed once the metadata is here.');
    this.count('peers', details.connections.length, 'Nobody is connected.');
    this.count('trackers', details.trackers.length, 'It has none.');
    setText(this.pinButton.lastChild, this.files.root.pinned && details.files.length > 0 ? 'Unpin all' : 'Pin all');
    setHidden(this.playlist, !details.files.some((file) => isMedia(file.path)));
    setAttribute(this.playlist, 'href', pathBelow(details.playlists, details.name));
    setAttribute(this.playlist, 'download', `${details.name}.m3u`);
    this.update();
  }

  count(id, number, words) {
    const {count, empty} = this.tabs[id];
    setText(count, countText(number));
    setHidden(empty, number > 0);
    setText(empty, words);
  }

  showTrackers(trackers) {
    while (this.trackers.children.length > trackers.length) this.trackers.lastChild.remove();
    while (this.trackers.children.length < trackers.length)
      this.trackers.append(make('div', {class: 'tracker', role: 'listitem'}, make('span', {class: 'text'}), make('span', {class: 'quiet'})));
    trackers.forEach((tracker, index) => {
      const [url, about] = this.trackers.children[index].children;
      setText(url, tracker.url);
      setAttribute(url, 'title', tracker.url);
      const words = [tracker.working ? 'works' : 'no answer yet'];
      if (tracker.message) words[0] = tracker.message;
      if (tracker.family) words.push(tracker.family);
      if (tracker.seeds !== null) words.push(countedText(tracker.seeds, 'seed'));
      if (tracker.leechers !== null) words.push(countedText(tracker.leechers, 'leecher'));
      if (tracker.announcing) words.push('being asked');
      else if (tracker.next_announce_in !== null) words.push(`next announce in ${durationText(tracker.next_announce_in)}`);
      setText(about, words.join(' · '));
      setAttribute(this.trackers.children[index], 'data-works', tracker.working);
    });
  }

  // ---- what can be done ----

  magnetLink() {
    const {info_hash: hash, name} = this.catalog.torrents.get(this.key);
    const topic = hash.length === 64 ? `urn:btmh:1220${hash}` : `urn:btih:${hash}`;
    return `magnet:?xt=${topic}&dn=${encodeURIComponent(name)}`;
  }

  pinAll() {
    const torrent = this.catalog.torrents.get(this.key);
    if (torrent && !this.pinButton.disabled && this.details) this.pin(torrent.name, !this.files.root.pinned);
  }

  async pause() {
    const torrent = this.catalog.torrents.get(this.key);
    if (!torrent) return;
    const {paused, name} = torrent;
    try {
      await setPaused(this.key, !paused);
      say(`${name} is ${paused ? 'resumed' : 'paused'}.`);
    } catch (error) {
      sayError(error.message);
    }
  }

  async pin(path, pinned) {
    try {
      const answer = await setPinned(path, pinned);
      const room = answer.room === null ? '' : `; pins take ${sizeText(answer.pinned)} of ${sizeText(answer.room)}`;
      say(`${countedText(answer.files, 'file')} ${pinned ? 'pinned' : 'unpinned'}, ${sizeText(answer.bytes)}${pinned ? room : ''}.`);
    } catch (error) {
      sayError(error.message);
    }
    this.ask();
  }

  confirm(asks) {
    this.deleteData.checked = false;
    this.confirmation.hidden = !asks;
    (asks ? this.removeAnyway : this.removeButton).focus();
  }

  async remove() {
    this.removeAnyway.disabled = true;
    try {
      const deleteData = this.deleteData.checked;
      const answer = await removeTorrent(this.key, {deleteData});
      say(`${answer.name} removed${deleteData ? ', with what was downloaded' : ''}.`);
      this.onRemoved();
    } catch (error) {
      sayError(error.message);
      this.removeAnyway.disabled = false;
    }
  }
}
