// Plays a file of the mount in a dialog.
import {byId, make, setText} from './elements.js';
import {isAudio} from './media_types.js';
import {textOf, toWebVtt} from './subtitles.js';

export class Player {
  constructor() {
    this.dialog = byId('player');
    this.video = byId('player-video');
    this.dialog.addEventListener('close', () => this.stop());
    this.dialog.addEventListener('click', (event) => {
      if (event.target === this.dialog) this.dialog.close();
    });
    byId('player-close').addEventListener('click', () => this.dialog.close());
    this.video.addEventListener('error', () => {
      if (this.video.hasAttribute('src')) setText(byId('player-error'), 'The browser cannot play this file. Copy its link into a player instead.');
    });
  }

  /// `subtitles`: {url, label} of each file of them.
  play({name, url, subtitles = []}) {
    setText(byId('player-title'), name);
    setText(byId('player-error'), '');
    this.video.classList.toggle('audio', isAudio(name));
    this.video.src = url;
    this.dialog.showModal();
    this.video.focus();
    this.video.play().catch(() => {});  // the controls are there
    this.loading = new AbortController();
    for (const each of subtitles) this.addSubtitles(each, this.loading.signal);
  }

  /// Adds subtitles once they are here; the first ones are shown.
  async addSubtitles({url, label}, signal) {
    try {
      const response = await fetch(url, {signal});
      if (!response.ok) return;
      const text = toWebVtt(textOf(await response.arrayBuffer()));
      if (signal.aborted) return;
      const isFirst = this.video.querySelector('track') === null;
      const source = URL.createObjectURL(new Blob([text], {type: 'text/vtt'}));
      this.video.append(make('track', {kind: 'subtitles', label, src: source, default: isFirst}));
    } catch {
      // The film plays without them.
    }
  }

  /// The connection ends, and with it what is read ahead.
  stop() {
    this.loading?.abort();
    for (const track of this.video.querySelectorAll('track')) {
      URL.revokeObjectURL(track.src);
      track.remove();
    }
    this.video.pause();
    this.video.removeAttribute('src');
    this.video.load();
  }
}
