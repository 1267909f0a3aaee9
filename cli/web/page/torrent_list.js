// The list of torrents: columns, filters, search, and the keys that go through it.
import {byId, make, setAttribute, setHidden, setText} from './elements.js';
import {COLUMNS, FILTERS, ListOrder, countsOf} from './list_order.js';
import {countText, percentText, rateText, sizeText} from './text_format.js';
import {VirtualRows} from './virtual_rows.js';

const KEPT = 'btfs.list';

export class TorrentList {
  /// onOpen(key, isMove): a torrent is to be shown; isMove: the selection went to it, and a shown one is to follow.
  constructor(catalog, onOpen) {
    this.catalog = catalog;
    this.onOpen = onOpen;
    this.selected = null;
    this.opened = null;
    /// Keys of torrents that something is to be done with at once.
    this.marked = new Set();
    this.onMarked = () => {};
    this.grid = byId('torrents');
    this.search = byId('search');
    this.order = new ListOrder(keptOrder());
    this.makeColumns();
    this.makeFilters();
    this.rows = new VirtualRows(byId('scroller'), byId('rows'), () => this.makeRow(),
      (row, key, index) => this.fillRow(row, this.catalog.torrents.get(key), index));
    this.grid.addEventListener('keydown', (event) => this.onKey(event));
    this.search.addEventListener('input', () => this.reorder());
    this.search.addEventListener('keydown', (event) => {
      if (event.key !== 'ArrowDown' && event.key !== 'Enter') return;
      event.preventDefault();
      this.focus();
    });
  }

  // ---- what is listed ----

  update(changes) {
    if (changes.length > 0) this.countFilters();
    this.dropMarksOfGone(changes);
    if (changes.some((change) => this.order.moves(change))) this.reorder();
    else this.rows.draw();
    this.showEmptiness();
  }

  reorder() {
    this.order.search = this.search.value;
    this.rows.set(this.order.sorted(this.catalog.torrents.values()).map((torrent) => torrent.key));
    this.grid.setAttribute('aria-rowcount', this.rows.items.length + 1);
    this.showEmptiness();
    this.showSelection();
  }

  sortBy(column, turned) {
    Object.assign(this.order, {column, turned});
    this.showColumns();
    this.keep();
    this.reorder();
  }

  show(filter) {
    this.order.filter = filter;
    this.countFilters();
    this.keep();
    this.reorder();
  }

  keep() {
    const {filter, column, turned} = this.order;
    try {
      localStorage.setItem(KEPT, JSON.stringify({filter, column, turned}));
    } catch {
      // The browser keeps nothing of this site.
    }
  }

  showEmptiness() {
    const empty = byId('empty');
    setHidden(empty, this.rows.items.length > 0 || this.catalog.mount === null);
    setText(empty, this.catalog.torrents.size > 0 ? 'No torrent is like that.'
      : 'Nothing is mounted yet. Press a, paste a magnet link, or drop a torrent file here.');
  }

  // ---- columns and filters ----

  makeColumns() {
    const choice = byId('sort');
    for (const [id, {title}] of Object.entries(COLUMNS)) {
      const button = make('button', {class: 'plain', tabindex: -1,
        onclick: () => this.sortBy(id, this.order.column === id && !this.order.turned)}, title);
      byId('columns').append(make('div', {class: `cell ${id}`, role: 'columnheader', 'data-column': id}, button));
      choice.append(make('option', {value: id}, title), make('option', {value: `${id} turned`}, `${title}, reversed`));
    }
    choice.addEventListener('change', () => {
      const [column, turned] = choice.value.split(' ');
      this.sortBy(column, turned !== undefined);
    });
    this.showColumns();
  }

  showColumns() {
    const {column, turned} = this.order;
    for (const cell of byId('columns').children) {
      const isSorted = cell.dataset.column === column;
      // Numbers begin with the largest.
      const descends = turned !== !['name', 'state'].includes(column);
      setAttribute(cell, 'aria-sort', isSorted ? (descends ? 'descending' : 'ascending') : null);
    }
    byId('sort').value = turned ? `${column} turned` : column;
  }

  makeFilters() {
    this.filters = {};
    for (const [id, {title}] of Object.entries(FILTERS)) {
      const count = make('span', {class: 'count'}, '0');
      const button = make('button', {class: 'filter', onclick: () => this.show(id)}, title, ' ', count);
      this.filters[id] = {button, count};
      byId('filters').append(button);
    }
    this.countFilters();
  }

  countFilters() {
    const counts = countsOf(this.catalog.torrents.values());
    for (const [id, {button, count}] of Object.entries(this.filters)) {
      setText(count, countText(counts[id]));
      setAttribute(button, 'aria-pressed', this.order.filter === id);
    }
  }

  // ---- rows ----

  makeRow() {
    const cell = (id, ...children) => make('div', {class: `cell ${id}`, role: 'gridcell'}, ...children);
    const name = make('span', {class: 'text'}), label = make('button', {class: 'label', tabindex: -1, hidden: true});
    const fill = make('i'), percent = make('span', {class: 'percent'});
    const had = cell('had', make('span', {class: 'progress', 'aria-hidden': 'true'}, fill), percent);
    const parts = {name, label, fill, percent, had, state: cell('state'), size: cell('size'), down: cell('down'),
      up: cell('up'), peers: cell('peers')};
    const row = make('div', {class: 'row', role: 'row'}, cell('name', name, label), parts.state,
      parts.had, parts.size, parts.down, parts.up, parts.peers);
    row.parts = parts;
    row.addEventListener('click', (event) => this.onClick(event, row.key));
    label.addEventListener('click', (event) => {
      event.stopPropagation();
      this.search.value = `label:${label.textContent}`;
      this.reorder();
    });
    return row;
  }

  fillRow(row, torrent, index) {
    const {parts} = row;
    row.key = torrent.key;
    setAttribute(row, 'id', `row-${index}`);
    setAttribute(row, 'aria-rowindex', index + 2);
    setAttribute(row, 'aria-selected', torrent.key === this.selected);
    setAttribute(row, 'data-marked', this.marked.has(torrent.key));
    setAttribute(row, 'data-kind', torrent.isRead ? 'read' : torrent.kind);
    setText(parts.name, torrent.name);
    setAttribute(parts.name, 'title', torrent.name);
    setHidden(parts.label, !torrent.label);
    setText(parts.label, torrent.label ?? '');
    setText(parts.state, torrent.words);
    setAttribute(parts.state, 'title', torrent.error ?? torrent.words);
    const width = `${(torrent.part ?? 0) * 100}%`;
    if (parts.fill.style.width !== width) parts.fill.style.width = width;
    setText(parts.percent, percentText(torrent.part));
    setText(parts.size, sizeText(torrent.size));
    setText(parts.down, rateText(torrent.down));
    setText(parts.up, rateText(torrent.up));
    setAttribute(parts.had, 'data-none', torrent.part === null);
    setAttribute(parts.size, 'data-none', torrent.size === null);
    setAttribute(parts.down, 'data-none', torrent.down === 0);
    setAttribute(parts.up, 'data-none', torrent.up === 0);
    setText(parts.peers, torrent.peers ? `${torrent.peers}` : '–');
    setAttribute(parts.peers, 'title', torrent.peers ? `${torrent.seeds} of them are seeds` : null);
  }

  // ---- marks ----

  mark(keys, marks = true) {
    for (const key of keys) {
      if (marks) this.marked.add(key);
      else this.marked.delete(key);
    }
    this.rows.draw();
    this.onMarked(this.marked);
  }

  /// Marks what lies between the selected row and another one, both included.
  markTo(key) {
    const {items} = this.rows;
    const ends = [Math.max(0, items.indexOf(this.selected)), items.indexOf(key)].sort((a, b) => a - b);
    this.mark(items.slice(ends[0], ends[1] + 1));
  }

  dropMarksOfGone(changes) {
    const gone = changes.filter(([before, now]) => now === null && before !== null && this.marked.has(before.key));
    if (gone.length > 0) this.mark(gone.map(([before]) => before.key), false);
  }

  /// Returns the targets of an action: the marked torrents, else the selected one.
  chosen() {
    if (this.marked.size > 0) return [...this.marked];
    return this.catalog.torrents.has(this.selected) ? [this.selected] : [];
  }

  onClick(event, key) {
    if (event.shiftKey) {
      this.markTo(key);
      this.select(key);
    } else if (event.ctrlKey || event.metaKey) {
      this.mark([key], !this.marked.has(key));
      this.select(key);
    } else {
      this.select(key, {open: true});
    }
  }

  // ---- selection and keys ----

  select(key, {open = false} = {}) {
    this.selected = key;
    const index = this.rows.items.indexOf(key);
    if (index >= 0) this.rows.scrollTo(index);
    this.showSelection();
    if (open) this.onOpen(key, false);
    else if (this.opened !== null && key !== this.opened) this.onOpen(key, true);
  }

  showSelection() {
    const index = this.rows.items.indexOf(this.selected);
    this.rows.draw();
    setAttribute(this.grid, 'aria-activedescendant', index < 0 ? null : `row-${index}`);
  }

  /// The grid has the keyboard, and a row is selected if there is any.
  focus() {
    this.grid.focus();
    const {items} = this.rows;
    if (items.length > 0 && !items.includes(this.selected)) this.select(items[0]);
  }

  onKey(event) {
    if (event.key === 'a' && (event.ctrlKey || event.metaKey) && !event.altKey) {
      event.preventDefault();
      return this.mark(this.rows.items);
    }
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    const {items} = this.rows;
    const at = items.indexOf(this.selected);
    const goals = {
      ArrowDown: at + 1, ArrowUp: at < 0 ? 0 : at - 1, Home: 0, End: items.length - 1,
      PageDown: at + this.rows.page(), PageUp: at - this.rows.page(),
    };
    if (event.key in goals) {
      event.preventDefault();
      if (items.length === 0) return;
      const goal = items[Math.min(items.length - 1, Math.max(0, goals[event.key]))];
      if (event.shiftKey) this.markTo(goal);
      this.select(goal);
    } else if (event.key === ' ' && at >= 0) {
      event.preventDefault();
      this.mark([this.selected], !this.marked.has(this.selected));
    } else if (event.key === 'Enter' && at >= 0) {
      event.preventDefault();
      this.onOpen(this.selected, false);
    }
  }
}

function keptOrder() {
  try {
    const {filter, column, turned} = JSON.parse(localStorage.getItem(KEPT));
    if (filter in FILTERS && column in COLUMNS) return {filter, column, turned: turned === true};
  } catch {
    // Nothing is kept, or nothing that can be read.
  }
  return {};
}
