// Plays a file of the mount in a dialog.
import {byId, setText} from './elements.js';
import {isAudio} from './media_types.js';

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

  play({name, url}) {
    setText(byId('player-title'), name);
    setText(byId('player-error'), '');
    this.video.classList.toggle('audio', isAudio(name));
    this.video.src = url;
    this.dialog.showModal();
    this.video.focus();
    this.video.play().catch(() => {});  // the controls are there
  }

  /// The connection ends, and with it what is read ahead.
  stop() {
    this.video.pause();
    this.video.removeAttribute('src');
    this.video.load();
  }
}
