// The mount as a whole: rates, cache, readers.
import {icon, make, setHidden, setText} from './elements.js';
import {drawRates} from './rate_plot.js';
import {ReaderList} from './reader_list.js';
import {countText, durationText, percentText, rateText, sizeText} from './text_format.js';

export class MountPanel {
  constructor(catalog, onClose) {
    this.catalog = catalog;
    this.plot = make('canvas', {class: 'plot', role: 'img', 'aria-label': 'Rates of the last five minutes'});
    this.facts = new Map();
    this.readers = new ReaderList();
    this.noReaders = make('p', {class: 'quiet'}, 'Nothing is being read.');
    this.cacheFill = make('i');
    this.cacheWords = make('p', {class: 'quiet caption'});
    this.cache = make('section', {}, make('h3', {}, 'Cache'), make('div', {class: 'track thick', 'aria-hidden': 'true'}, this.cacheFill),
      this.cacheWords);
    const fact = (id, words) => {
      this.facts.set(id, make('dd', {}, '–'));
      return [make('dt', {}, words), this.facts.get(id)];
    };
    this.element = make('div', {class: 'content mount'},
      make('div', {class: 'title'},
        make('button', {class: 'plain back', 'aria-label': 'Back to the list', onclick: onClose}, icon('back')), make('h2', {}, 'Mount')),
      make('section', {}, make('h3', {}, 'Rates of the last five minutes'), this.plot,
        make('dl', {class: 'facts'}, ...fact('down', 'Down'), ...fact('up', 'Up'), ...fact('received', 'Received'),
          ...fact('sent', 'Sent'), ...fact('wasted', 'Wasted'), ...fact('peers', 'Peers'))),
      this.cache,
      make('section', {}, make('h3', {}, 'Readers'), this.noReaders, this.readers.element),
      make('section', {}, make('h3', {}, 'About'),
        make('dl', {class: 'facts'}, ...fact('version', 'btfs'), ...fact('age', 'Mounted for'), ...fact('port', 'Port'),
          ...fact('proxy', 'Proxy'), ...fact('torrents', 'Torrents'))));
    this.observer = new ResizeObserver(() => this.update());
    this.observer.observe(this.element);
  }

  close() {
    this.observer.disconnect();
  }

  update() {
    const {mount, rates, torrents} = this.catalog;
    if (mount === null) return;
    drawRates(this.plot, rates);
    const values = {
      down: rateText(mount.down), up: rateText(mount.up), received: sizeText(mount.received), sent: sizeText(mount.sent),
      wasted: sizeText(mount.wasted), peers: countText(mount.peers), version: mount.version, age: durationText(mount.age),
      port: mount.port === null ? 'none: nobody can connect to it' : `${mount.port}`, proxy: mount.proxy ?? 'none',
      torrents: countText(torrents.size),
    };
    for (const [id, words] of Object.entries(values)) setText(this.facts.get(id), words);
    if (mount.cache) {
      const part = mount.cache.limit ? mount.cache.used / mount.cache.limit : 0;
      this.cacheFill.style.width = `${Math.min(1, part) * 100}%`;
      setText(this.cacheWords, `${sizeText(mount.cache.used)} of ${sizeText(mount.cache.limit)}, ${percentText(Math.min(1, part))}`);
    } else {
      setText(this.cacheWords, 'without a bound');
    }
    setHidden(this.cacheFill.parentElement, mount.cache === null);
    setHidden(this.noReaders, mount.readers.length > 0);
    this.readers.set(mount.readers);
  }
}
