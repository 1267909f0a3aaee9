// The files of a torrent as a tree, with what can be done with each.
import {icon, make, setAttribute, setIcon, setText} from './elements.js';
import {useOf} from './media_types.js';
import {copy} from './messages.js';
import {pathBelow} from './requests.js';
import {subtitlesBeside} from './subtitles.js';
import {partOf, percentText, sizeText} from './text_format.js';
import {VirtualRows} from './virtual_rows.js';

/// A tree of fewer nodes is unfolded at first.
const UNFOLDED = 40;

const collator = new Intl.Collator(undefined, {numeric: true, sensitivity: 'base'});

export class FileTree {
  /// onPlay({name, url, subtitles}) as Player has it, onPin(path, pinned).
  constructor(scroller, {onPlay, onPin}) {
    this.onPlay = onPlay;
    this.onPin = onPin;
    this.unfolded = null;
    this.selected = null;
    this.element = make('div', {class: 'files rows', role: 'treegrid', tabindex: 0, 'aria-label': 'Files'});
    this.element.addEventListener('keydown', (event) => this.onKey(event));
    this.rows = new VirtualRows(scroller, this.element, () => this.makeRow(), (row, node, index) => this.fillRow(row, node, index));
  }

  close() {
    this.rows.close();
  }

  /// `details`: torrent_details_json() with "streams" and "playlists".
  set(details) {
    this.details = details;
    this.root = treeOf(details.files);
    const [top] = this.root.children;
    // The torrent's own folder is what the panel is about.
    if (this.root.children.length === 1 && top.children) this.root = top;
    if (this.unfolded === null) {
      this.unfolded = new Set();
      if (details.files.length <= UNFOLDED) unfoldAll(this.root, this.unfolded);
    }
    this.showNodes();
  }

  showNodes() {
    const nodes = [];
    const add = (node, level) => {
      node.level = level;
      nodes.push(node);
      if (node.children && this.unfolded.has(node.path)) for (const child of node.children) add(child, level + 1);
    };
    for (const node of this.root.children) add(node, 1);
    this.rows.set(nodes);
    this.showSelection();
  }

  // ---- rows ----

  makeRow() {
    const button = (name, onclick) => make('button', {class: 'plain', tabindex: -1, onclick: (event) => {
      event.stopPropagation();
      onclick();
    }}, icon(name));
    const sign = icon('folded'), name = make('span', {class: 'text'}), had = make('span', {class: 'percent'});
    const size = make('span', {class: 'size'});
    const use = button('play', () => this.use(row.node)), link = button('link', () => this.copyLink(row.node));
    const pin = button('pin', () => this.onPin(row.node.path, !row.node.pinned));
    const row = make('div', {class: 'row file', role: 'row'},
      make('span', {class: 'name', role: 'gridcell'}, sign, name), make('span', {role: 'gridcell', class: 'amount'}, had, size),
      make('span', {class: 'buttons', role: 'gridcell'}, use, link, pin));
    row.parts = {sign, name, had, size, use, link, pin};
    row.addEventListener('click', () => {
      this.select(row.node);
      if (row.node.children) this.fold(row.node);
    });
    row.addEventListener('dblclick', () => {
      if (!row.node.children && useOf(row.node.name) === 'play') this.use(row.node);
    });
    return row;
  }

  fillRow(row, node, index) {
    const {parts} = row;
    const isFolder = node.children !== null, isUnfolded = isFolder && this.unfolded.has(node.path);
    row.node = node;
    setAttribute(row, 'id', `file-${index}`);
    setAttribute(row, 'aria-level', node.level);
    setAttribute(row, 'aria-rowindex', index + 1);
    setAttribute(row, 'aria-expanded', isFolder ? isUnfolded : null);
    setAttribute(row, 'aria-selected', node.path === this.selected);
    setAttribute(row, 'data-pinned', node.pinned);
    const indent = `${(node.level - 1) * 14}px`;
    if (row.style.getPropertyValue('--indent') !== indent) row.style.setProperty('--indent', indent);
    setAttribute(parts.sign, 'class', isFolder ? 'icon sign' : 'icon sign none');
    setIcon(parts.sign, isUnfolded ? 'unfolded' : 'folded');
    setText(parts.name, node.name);
    setAttribute(parts.name, 'title', node.name);
    const part = partOf(node.had, node.size);
    setText(parts.had, part === null || part === 0 ? '' : percentText(part));
    setText(parts.size, sizeText(node.size));
    const use = isFolder ? 'list' : useOf(node.name);
    const words = {list: 'Playlist (m3u) of', play: 'Play', open: 'Open', save: 'Download'}[use];
    setIcon(parts.use.firstChild, {list: 'list', play: 'play', open: 'open', save: 'down'}[use]);
    describe(parts.use, `${words} ${node.name}`);
    describe(parts.link, `Copy the link of ${isFolder ? 'the playlist of ' : ''}${node.name} for a player`);
    describe(parts.pin, node.pinned ? `Unpin ${node.name}` : `Pin ${node.name}: download it, and keep it`);
    setAttribute(parts.pin, 'aria-pressed', node.pinned);
    const reach = node.path === this.selected ? 0 : -1;
    for (const button of [parts.use, parts.link, parts.pin]) setAttribute(button, 'tabindex', reach);
  }

  // ---- what can be done ----

  linkOf(node) {
    return pathBelow(node.children ? this.details.playlists : this.details.streams, node.path);
  }

  use(node) {
    const url = this.linkOf(node);
    const use = node.children ? 'save' : useOf(node.name);
    if (use === 'play') {
      const subtitles = subtitlesBeside(node).map((each) => ({url: this.linkOf(each.node), label: each.label}));
      return this.onPlay({name: node.name, url, subtitles});
    }
    const link = make('a', use === 'open' ? {href: url, target: '_blank', rel: 'noopener noreferrer'}
      : {href: url, download: node.children ? `${node.name}.m3u` : node.name});
    link.click();
  }

  copyLink(node) {
    copy(location.origin + this.linkOf(node), 'Link');
  }

  fold(node, unfold = !this.unfolded.has(node.path)) {
    if (unfold) this.unfolded.add(node.path);
    else this.unfolded.delete(node.path);
    this.showNodes();
  }

  // ---- selection and keys ----

  select(node) {
    this.selected = node.path;
    const index = this.rows.items.indexOf(node);
    if (index >= 0) this.rows.scrollTo(index);
    this.showSelection();
  }

  showSelection() {
    const index = this.rows.items.findIndex((node) => node.path === this.selected);
    this.rows.draw();
    setAttribute(this.element, 'aria-activedescendant', index < 0 ? null : `file-${index}`);
  }

  onKey(event) {
    if (event.target !== this.element || event.ctrlKey || event.altKey || event.metaKey) return;
    const nodes = this.rows.items;
    const at = nodes.findIndex((node) => node.path === this.selected), node = nodes[at];
    const goals = {ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: nodes.length - 1,
      PageDown: at + this.rows.page(), PageUp: at - this.rows.page()};
    if (event.key in goals) this.select(nodes[Math.min(nodes.length - 1, Math.max(0, goals[event.key]))]);
    else if (!node) return;
    else if (event.key === 'ArrowRight' && node.children) this.fold(node, true);
    else if (event.key === 'ArrowLeft') {
      if (node.children && this.unfolded.has(node.path)) this.fold(node, false);
      else if (node.parent !== this.root) this.select(node.parent);
    } else if (event.key === 'Enter') {
      if (node.children) this.fold(node);
      else this.use(node);
    } else if (event.key === 'c') this.copyLink(node);
    else if (event.key === 'p') this.onPin(node.path, !node.pinned);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }
}

function describe(button, words) {
  setAttribute(button, 'aria-label', words);
  setAttribute(button, 'title', words);
}

/// Nodes {name, path, parent, children: sorted, or null of a file, size, had: or null, pinned: all of it}.
export function treeOf(files) {
  const root = {name: '', path: '', parent: null, children: [], folders: new Map(), size: 0, had: 0, pinned: true};
  for (const file of files) {
    const names = file.path.split('/');
    let folder = root;
    for (const name of names.slice(0, -1)) {
      let next = folder.folders.get(name);
      if (!next) {
        next = {name, path: folder.path ? `${folder.path}/${name}` : name, parent: folder, children: [],
          folders: new Map(), size: 0, had: 0, pinned: true};
        folder.folders.set(name, next);
        folder.children.push(next);
      }
      folder = next;
    }
    folder.children.push({name: names[names.length - 1], path: file.path, parent: folder, children: null, size: file.size,
      had: file.had, pinned: file.pinned});
    for (let each = folder; each; each = each.parent) {
      each.size += file.size;
      each.had = file.had === null || each.had === null ? null : each.had + file.had;
      each.pinned &&= file.pinned;
    }
  }
  sort(root);
  return root;
}

function sort(folder) {
  folder.children.sort((one, other) =>
    (one.children === null) - (other.children === null) || collator.compare(one.name, other.name));
  for (const child of folder.children) if (child.children) sort(child);
}

function unfoldAll(folder, unfolded) {
  for (const child of folder.children) {
    if (!child.children) continue;
    unfolded.add(child.path);
    unfoldAll(child, unfolded);
  }
}
