// The page of a mount: joins its parts, and keeps the place in the address: #/mount or #/torrent/KEY.
import {AddDialog} from './add_dialog.js';
import {DetailsPanel} from './details_panel.js';
import {byId, setHidden, setText} from './elements.js';
import {listenToKeys} from './keyboard.js';
import {MountFeed} from './mount_feed.js';
import {MountPanel} from './mount_panel.js';
import {Player} from './player.js';
import {drawRates} from './rate_plot.js';
import {say, sayError} from './messages.js';
import {setPaused} from './requests.js';
import {countedText, rateText} from './text_format.js';
import {TorrentCatalog} from './torrent_catalog.js';
import {TorrentList} from './torrent_list.js';

const LIST = '#/', MOUNT = '#/mount', TORRENT = '#/torrent/';
/// A selection that moves on is not shown in between.
const SETTLE_MS = 120;

const catalog = new TorrentCatalog();
const player = new Player();
const panel = byId('panel');
let shown = null;
let settling = 0;
/// The key of a torrent that was added, and is to be selected when it is listed.
let awaited = null;

const list = new TorrentList(catalog, (key, isMove) => {
  clearTimeout(settling);
  const place = TORRENT + encodeURIComponent(key);
  if (isMove) settling = setTimeout(() => goTo(place, {replace: true}), SETTLE_MS);
  else goTo(place, {replace: shown instanceof DetailsPanel, focus: true});
});

// ---- places ----

function placeNow() {
  const {hash} = location;
  if (hash.startsWith(TORRENT)) {
    try {
      return {kind: 'torrent', key: decodeURIComponent(hash.slice(TORRENT.length))};
    } catch {
      return {kind: 'list'};
    }
  }
  return {kind: hash === MOUNT ? 'mount' : 'list'};
}

function goTo(place, {replace = false, focus = false} = {}) {
  if (location.hash !== place) history[replace ? 'replaceState' : 'pushState'](null, '', place);
  showPlace();
  if (focus && shown instanceof DetailsPanel) focusPanel();
}

function showPlace() {
  const place = placeNow();
  document.body.dataset.place = place.kind;
  if (catalog.mount === null) return;
  list.opened = place.kind === 'torrent' ? place.key : null;
  if (place.kind === 'torrent') {
    if (shown instanceof DetailsPanel && shown.key === place.key) return;
    if (!catalog.torrents.has(place.key)) return goTo(LIST, {replace: true});
    list.select(place.key);
    show(new DetailsPanel(catalog, place.key, panel, {
      onClose: leave, onRemoved: leave, onPlay: (file) => player.play(file)}));
  } else if (!(shown instanceof MountPanel)) {
    show(new MountPanel(catalog, leave));
  }
}

function show(next) {
  shown?.close();
  shown = next;
  panel.replaceChildren(next.element);
  panel.scrollTop = 0;
  panel.setAttribute('aria-label', next instanceof MountPanel ? 'The mount' : 'The selected torrent');
  next.update();
}

function focusPanel() {
  byId('details-name').focus({preventScroll: true});
}

function leave() {
  goTo(LIST);
  list.focus();
}

window.addEventListener('popstate', showPlace);
window.addEventListener('hashchange', showPlace);

// ---- the mount ----

function showRates() {
  setText(byId('rate-down'), rateText(catalog.mount.down));
  setText(byId('rate-up'), rateText(catalog.mount.up));
  drawRates(byId('rates-plot'), catalog.rates, {span: 60_000, hasScale: false});
}

new MountFeed((event) => {
  const isFirst = catalog.mount === null;
  const changes = catalog.apply(event);
  list.update(changes);
  showRates();
  if (isFirst) {
    document.body.dataset.ready = '';
    showPlace();
  }
  followKeys();
  shown?.update();
  const waiting = catalog.mount.readers.filter((reader) => reader.waiting > 0).length;
  document.title = waiting > 0 ? `btfs: ${waiting} waiting` : 'btfs';
}, (isThere) => {
  document.body.toggleAttribute('data-gone', !isThere);
  setText(byId('connection'), isThere ? '' : 'The mount does not answer. Trying again…');
});

/// Selects what was added, once it is listed; shows the torrent whose key has changed.
function followKeys() {
  const added = awaited === null ? null : catalog.keyNow(awaited);
  if (added !== null) {
    awaited = null;
    list.select(added);
  }
  const key = shown instanceof DetailsPanel ? catalog.keyNow(shown.key) : null;
  if (key !== null && key !== shown.key) goTo(TORRENT + encodeURIComponent(key), {replace: true});
}

const adding = new AddDialog(catalog, (key) => {
  list.focus();
  awaited = key;
  followKeys();
});

// ---- several torrents ----

list.onMarked = (marked) => {
  setHidden(byId('marked'), marked.size === 0);
  setText(byId('marked-count'), `${countedText(marked.size, 'torrent')} marked`);
};
byId('marked-pause').addEventListener('click', () => pauseAll(list.chosen(), true));
byId('marked-resume').addEventListener('click', () => pauseAll(list.chosen(), false));
byId('marked-none').addEventListener('click', () => unmark());

function unmark() {
  list.mark([...list.marked], false);
  list.focus();
}

/// One torrent that cannot be paused keeps none of the others from it.
async function pauseAll(keys, paused) {
  const errors = [];
  for (const key of keys) {
    try {
      await setPaused(key, paused);
    } catch (error) {
      errors.push(error.message);
    }
  }
  const done = keys.length - errors.length;
  if (done > 0) say(`${countedText(done, 'torrent')} ${paused ? 'paused' : 'resumed'}.`);
  if (errors.length > 0) sayError(errors.length === 1 ? errors[0] : `${countedText(errors.length, 'torrent')} failed: ${errors[0]}`);
}

/// Resumes the torrents only if all of them are paused.
function pauseOrResume() {
  const keys = list.chosen();
  if (keys.length > 0) pauseAll(keys, !keys.every((key) => catalog.torrents.get(key)?.paused));
}

// ---- keys ----

listenToKeys({
  '/': () => {
    byId('search').focus();
    byId('search').select();
  },
  '?': () => byId('keys').showModal(),
  a: () => adding.open(),
  m: () => goTo(MOUNT),
  s: pauseOrResume,
  p: () => shown instanceof DetailsPanel && shown.pinAll(),
  Delete: () => {
    if (!(shown instanceof DetailsPanel) && list.selected !== null) list.onOpen(list.selected, false);
    if (shown instanceof DetailsPanel) shown.confirm(true);
  },
  ArrowDown: () => list.focus(),
  ArrowUp: () => list.focus(),
  Escape: (event) => {
    const search = byId('search');
    if (event.target === search) {
      if (search.value === '') list.focus();
      search.value = '';
      list.reorder();
    } else if (list.marked.size > 0) {
      unmark();
    } else if (placeNow().kind !== 'list') {
      leave();
    } else if (search.value !== '') {
      search.value = '';
      list.reorder();
    } else {
      list.focus();
    }
  },
});

matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
  if (catalog.mount !== null) showRates();
  shown?.update();
});
showPlace();
