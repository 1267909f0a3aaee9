// The pieces of a torrent, drawn: what is here, how many peers have the rest, and where readers are.
import {colour, crispContext, make, setAttribute, setText} from './elements.js';
import {countText, countedText, sizeText} from './text_format.js';

const SIZES = [14, 12, 10, 8, 7, 6, 5, 4, 3];
const MOST_HEIGHT = 144, LEAST_HEIGHT = 14;

export class PieceMapView {
  constructor() {
    this.canvas = make('canvas', {role: 'img', class: 'pieces'});
    this.caption = make('p', {class: 'quiet caption'});
    this.element = make('section', {class: 'map', 'aria-label': 'Pieces'}, this.canvas, this.caption,
      make('p', {class: 'legend', 'aria-hidden': 'true'}, key('had', 'here'), key('claimed', 'unverified'),
        key('coming', 'coming'), key('spread', 'at 1–9 peers'), key('absent', 'at none'), key('place', 'reader')));
    this.places = [];
    this.set(null);
    this.observer = new ResizeObserver(() => this.draw());
    this.observer.observe(this.element);
  }

  close() {
    this.observer.disconnect();
  }

  /// "pieces" of torrent_details_json(), or null.
  set(pieces) {
    this.pieces = pieces;
    this.element.hidden = pieces === null;
    if (pieces === null) return;
    let rarest = 10;
    for (let i = 0; i < pieces.map.length; ++i)
      if (!'#='.includes(pieces.map[i])) rarest = Math.min(rarest, Number(pieces.availability[i]));
    const here = `${countText(pieces.had)} of ${countedText(pieces.count, 'piece')} of ${sizeText(pieces.length)} here`;
    const rest = rarest === 10 ? '' : rarest === 0 ? '; no peer has some of the rest'
      : `; the rarest of the rest ${rarest === 9 ? 'at 9 peers or more' : `at ${countedText(rarest, 'peer')}`}`;
    setText(this.caption, here + rest);
    this.words = `Piece map: ${here}${rest}`;
    this.describe();
    this.draw();
  }

  /// Offsets in the torrent at which readers are.
  setPlaces(offsets) {
    if (offsets.join() === this.places.join()) return;
    this.places = offsets;
    this.describe();
    this.draw();
  }

  describe() {
    if (!this.pieces) return;
    const pieces = this.places.map((offset) => countText(Math.floor(offset / this.pieces.length)));
    const readers = pieces.length > 0 ? `; readers at piece ${pieces.join(', ')}` : '';
    setAttribute(this.canvas, 'aria-label', this.words + readers);
  }

  draw() {
    if (!this.pieces || this.element.clientWidth === 0) return;
    const {map, availability} = this.pieces;
    const width = this.element.clientWidth, count = map.length;
    const size = SIZES.find((each) => Math.ceil(count / Math.floor(width / each)) * each <= MOST_HEIGHT) ?? SIZES.at(-1);
    const inRow = Math.floor(width / size), lines = Math.ceil(count / inRow);
    // Few pieces share the width.
    const wide = lines === 1 ? width / count : width / inRow;
    const high = Math.max(size, LEAST_HEIGHT / lines);
    this.canvas.style.height = `${lines * high}px`;
    const context = crispContext(this.canvas, width, lines * high);
    const colours = Object.fromEntries(['had', 'claimed', 'coming', 'absent', 'rare', 'common'].map((name) => [name, colour(`piece-${name}`)]));
    const gap = size > 4 ? 1 : 0.5;
    for (let i = 0; i < count; ++i) {
      const x = (i % inRow) * wide, y = Math.floor(i / inRow) * high;
      const state = map[i], peers = Number(availability[i]);
      const rect = [x, y, Math.max(wide - gap, 0.5), high - gap];
      context.globalAlpha = 1;
      context.fillStyle = state === '#' ? colours.had : state === '=' ? colours.claimed : state === '-' ? colours.coming
        : peers === 0 ? colours.absent : colours.rare;
      context.fillRect(...rect);
      if (state === '.' && peers > 1) {
        context.globalAlpha = (peers - 1) / 8;
        context.fillStyle = colours.common;
        context.fillRect(...rect);
      } else if (state >= '1' && state <= '9') {
        context.globalAlpha = 1;
        context.fillStyle = colours.had;
        const part = (rect[3] * Number(state)) / 10;
        context.fillRect(rect[0], rect[1] + rect[3] - part, rect[2], part);
      }
    }
    this.drawPlaces(context, (cell) => [(cell % inRow) * wide, Math.floor(cell / inRow) * high, wide - gap, high - gap]);
  }

  /// A ring around the cell of each reader. rectOf(cell): its left, top, width and height.
  drawPlaces(context, rectOf) {
    const {map, length, per_cell: perCell} = this.pieces;
    const inner = colour('sheet'), outer = colour('text');
    context.globalAlpha = 1;
    for (const offset of this.places) {
      const cell = Math.min(Math.floor(offset / (length * perCell)), map.length - 1);
      const [x, y, width, height] = rectOf(cell);
      for (const [style, line] of [[inner, 4], [outer, 2]]) {
        context.strokeStyle = style;
        context.lineWidth = line;
        context.strokeRect(x, y, width, height);
      }
    }
  }
}

function key(name, words) {
  return make('span', {}, make('i', {class: `key ${name}`}), words);
}
