// Adds torrents: by a link, by files that are chosen or dropped.
import {byId, icon, make, setHidden, setText} from './elements.js';
import {isTyping} from './keyboard.js';
import {say} from './messages.js';
import {addFile, addLink} from './requests.js';
import {keyOfId} from './torrent_catalog.js';

const LINK = /^(magnet:\?|https?:\/\/)\S+$|^[0-9a-f]{40}$|^[0-9a-f]{64}$|^[a-z2-7]{32}$/i;

export class AddDialog {
  /// onAdded(key or null): the torrent that was added last.
  constructor(catalog, onAdded) {
    this.catalog = catalog;
    this.onAdded = onAdded;
    this.files = [];
    this.dialog = byId('add-dialog');
    this.link = byId('add-link');
    byId('add').addEventListener('click', () => this.open());
    byId('add-cancel').addEventListener('click', () => this.dialog.close());
    byId('add-form').addEventListener('submit', (event) => {
      event.preventDefault();
      this.submit();
    });
    byId('add-files').addEventListener('change', (event) => {
      this.take([...event.target.files]);
      event.target.value = '';
    });
    document.addEventListener('paste', (event) => this.onPaste(event));
    this.listenToDrops();
  }

  open({link = '', files = []} = {}) {
    if (!this.dialog.open) {
      this.files = [];
      this.link.value = '';
      this.say('');
      byId('labels').replaceChildren(...this.catalog.labels().map((label) => make('option', {value: label})));
      this.dialog.showModal();
    }
    if (link) this.link.value = link;
    this.take(files);
    if (link || files.length > 0) byId('add-submit').focus();
    else this.link.focus();
  }

  take(files) {
    this.files.push(...files);
    byId('add-chosen').replaceChildren(...this.files.map((file) => make('li', {}, make('span', {class: 'text'}, file.name),
      make('button', {type: 'button', class: 'plain', 'aria-label': `Leave ${file.name} out`, onclick: () => {
        this.files.splice(this.files.indexOf(file), 1);
        this.take([]);
        this.link.focus();
      }}, icon('close')))));
  }

  say(error) {
    setText(byId('add-error'), error);
  }

  /// Adds links and files. Those that cannot be added stay in the dialog, with the reason.
  async submit() {
    const options = {label: byId('add-label').value.trim(), pin: byId('add-pin').checked};
    const links = this.link.value.split(/\s+/).filter((link) => link);
    if (links.length + this.files.length === 0) {
      this.link.focus();
      return this.say('Give a link, or choose a file.');
    }
    const submit = byId('add-submit');
    submit.disabled = true;
    const errors = [], leftLinks = [], leftFiles = [];
    let last = null;
    const add = async (request, what, left, item) => {
      try {
        const answer = await request;
        last = answer.info_hash ?? keyOfId(answer.id);
        say(answer.was_there ? `${answer.name} was there already.` : `${answer.name} added.`);
        if (answer.warning) say(answer.warning);
      } catch (error) {
        errors.push(links.length + this.files.length > 1 ? `${what}: ${error.message}` : error.message);
        left.push(item);
      }
    };
    for (const link of links) await add(addLink(link, options), link, leftLinks, link);
    for (const file of this.files) await add(addFile(file, options), file.name, leftFiles, file);
    submit.disabled = false;
    this.link.value = leftLinks.join(' ');
    this.files = leftFiles;
    this.take([]);
    this.say(errors.join('\n'));
    if (errors.length > 0) return this.link.focus();
    this.dialog.close();
    this.onAdded(last);
  }

  onPaste(event) {
    if (isTyping(event.target) || document.querySelector('dialog[open]')) return;
    const files = [...event.clipboardData.files];
    const text = event.clipboardData.getData('text/plain').trim();
    if (files.length > 0) this.open({files});
    else if (LINK.test(text)) this.open({link: text});
  }

  listenToDrops() {
    const sign = byId('drop');
    let depth = 0;
    const end = () => {
      depth = 0;
      setHidden(sign, true);
    };
    const has = (event) => [...event.dataTransfer.types].some((type) => ['Files', 'text/uri-list', 'text/plain'].includes(type));
    document.addEventListener('dragenter', (event) => {
      if (!has(event)) return;
      ++depth;
      setHidden(sign, false);
    });
    document.addEventListener('dragleave', () => {
      if (--depth <= 0) end();
    });
    document.addEventListener('dragover', (event) => {
      if (has(event)) event.preventDefault();
    });
    document.addEventListener('drop', (event) => {
      if (!has(event)) return;
      event.preventDefault();
      end();
      const files = [...event.dataTransfer.files];
      const link = event.dataTransfer.getData('text/plain').trim();
      if (files.length > 0) this.open({files});
      else if (link) this.open({link});
    });
  }
}
