// Rows of one height, of which only those in sight are in the document.

const SPARE = 6;

export class VirtualRows {
  /// `scroller` scrolls `body`, which may begin anywhere in it. The height of a row is --row of page.css.
  /// make() returns a row's element; fill(element, item, index) writes an item into it.
  constructor(scroller, body, make, fill) {
    this.scroller = scroller;
    this.body = body;
    this.make = make;
    this.fill = fill;
    this.items = [];
    this.shown = new Map();
    this.spare = [];
    this.frame = 0;
    this.onScroll = () => this.drawSoon();
    scroller.addEventListener('scroll', this.onScroll, {passive: true});
    this.observer = new ResizeObserver(() => this.measure());
    this.observer.observe(scroller);
    this.measure();
  }

  close() {
    this.scroller.removeEventListener('scroll', this.onScroll);
    this.observer.disconnect();
    cancelAnimationFrame(this.frame);
  }

  set(items) {
    this.items = items;
    this.draw();
  }

  measure() {
    this.height = parseFloat(getComputedStyle(this.body).getPropertyValue('--row')) || 32;
    this.draw();
  }

  drawSoon() {
    if (this.frame) return;
    this.frame = requestAnimationFrame(() => this.draw());
  }

  /// Writes all rows in sight anew.
  draw() {
    cancelAnimationFrame(this.frame);
    this.frame = 0;
    const {height, items} = this;
    const total = `${items.length * height}px`;
    if (this.body.style.height !== total) this.body.style.height = total;
    const above = this.scroller.getBoundingClientRect().top - this.body.getBoundingClientRect().top;
    const first = Math.max(0, Math.floor(above / height) - SPARE);
    const last = Math.min(items.length, Math.ceil((above + this.scroller.clientHeight) / height) + SPARE);
    for (const [index, row] of this.shown) {
      if (index >= first && index < last) continue;
      this.shown.delete(index);
      this.spare.push(row);
    }
    for (let index = first; index < last; ++index) {
      let row = this.shown.get(index);
      if (!row) {
        row = this.spare.pop() ?? this.make();
        row.style.transform = `translateY(${index * height}px)`;
        this.shown.set(index, row);
        if (!row.isConnected) this.body.append(row);
      } else {
        const place = `translateY(${index * height}px)`;
        if (row.style.transform !== place) row.style.transform = place;
      }
      this.fill(row, items[index], index);
    }
    for (const row of this.spare) row.remove();
  }

  rowAt(index) {
    return this.shown.get(index) ?? null;
  }

  /// Items that fit between the upper and the lower edge.
  page() {
    return Math.max(1, Math.floor(this.scroller.clientHeight / this.height) - 1);
  }

  scrollTo(index) {
    const scroller = this.scroller.getBoundingClientRect();
    const top = this.body.getBoundingClientRect().top - scroller.top + index * this.height;
    if (top < 0) this.scroller.scrollTop += top;
    else if (top + this.height > this.scroller.clientHeight)
      this.scroller.scrollTop += top + this.height - this.scroller.clientHeight;
    this.draw();
  }
}
