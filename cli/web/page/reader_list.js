// Readers: which process reads what, where it is, what is read ahead for it, and why it waits.
import {make, setAttribute, setHidden, setText} from './elements.js';
import {durationText, percentText, rateText, sizeText} from './text_format.js';

/// Most reads from the network take less; one that waits longer is told.
const LONG_S = 0.3;

export class ReaderList {
  /// isShort: files without their folders.
  constructor({isShort = false} = {}) {
    this.isShort = isShort;
    this.element = make('div', {class: 'readers', role: 'list'});
  }

  /// Readers as reader_json() has them.
  set(readers) {
    while (this.element.children.length > readers.length) this.element.lastChild.remove();
    while (this.element.children.length < readers.length) this.element.append(makeReader());
    readers.forEach((reader, index) => this.fill(this.element.children[index].parts, reader));
  }

  fill(parts, reader) {
    const slash = reader.path.lastIndexOf('/') + 1;
    setText(parts.folder, this.isShort ? '' : reader.path.slice(0, slash));
    setText(parts.name, reader.path.slice(slash));
    setAttribute(parts.name, 'title', reader.path);
    setText(parts.process, nameOf(reader));
    const at = reader.position ?? 0, end = reader.window_end ?? at, size = reader.size || 1;
    parts.window.style.left = `${(at / size) * 100}%`;
    parts.window.style.width = `${((end - at) / size) * 100}%`;
    parts.mark.style.left = `${(at / size) * 100}%`;
    setHidden(parts.mark, reader.position === null);
    const words = [];
    if (reader.position !== null) words.push(`at ${sizeText(at)} (${percentText(at / size)})`, `wants ${sizeText(end - at)} ahead`);
    if (reader.rate) words.push(`reads ${rateText(reader.rate)}`);
    setText(parts.where, words.length > 0 ? words.join(' · ') : reader.scan ? 'scan: nothing is fetched ahead' : 'reads nothing ahead');
    const waits = reader.waiting > 0 && reader.waited >= LONG_S;
    setHidden(parts.wait, !waits);
    setText(parts.wait, waits ? `waits ${durationText(reader.waited)}${reader.why ? `: ${reader.why}` : ''}` : '');
  }
}

/// Of a reader over HTTP its address, and its program as it calls itself.
function nameOf({process, pid, client}) {
  if (client) return process ? `${process} (${client})` : client;
  if (process) return `${process} (${pid})`;
  return pid ? `process ${pid}` : 'reader';
}

function makeReader() {
  const parts = {
    folder: make('span', {class: 'text folder'}), name: make('span', {class: 'text'}), process: make('span', {class: 'process'}), window: make('i', {class: 'window'}),
    mark: make('i', {class: 'mark'}), where: make('span'), wait: make('span', {class: 'wait'}),
  };
  const item = make('div', {class: 'reader', role: 'listitem'},
    make('div', {class: 'line'}, make('span', {class: 'path'}, parts.folder, parts.name), parts.process),
    make('div', {class: 'track', 'aria-hidden': 'true'}, parts.window, parts.mark),
    make('div', {class: 'line quiet'}, parts.where, parts.wait));
  item.parts = parts;
  return item;
}
