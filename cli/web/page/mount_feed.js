// The mount's events: opens them, and opens them again when they end.

const PATIENCE_MS = [500, 1000, 2000, 4000, 8000];
/// An event comes each second, of very large mounts every few seconds.
const SILENCE_MS = 30_000;
/// A page that nobody sees asks for nothing after this.
const HIDDEN_MS = 60_000;

export class MountFeed {
  /// onStatus(event) as StatusEvents has them; onConnection(isThere) when that changes.
  constructor(onStatus, onConnection) {
    this.onStatus = onStatus;
    this.onConnection = onConnection;
    this.source = null;
    this.failures = 0;
    this.timer = 0;
    this.silence = 0;
    document.addEventListener('visibilitychange', () => this.follow());
    window.addEventListener('online', () => this.open());
    this.open();
  }

  open() {
    this.close();
    const source = this.source = new EventSource('/api/events');
    source.addEventListener('status', (event) => {
      this.failures = 0;
      this.expect();
      this.onConnection(true);
      this.onStatus(JSON.parse(event.data));
    });
    source.addEventListener('error', () => this.lost());
    this.expect();
  }

  close() {
    this.source?.close();
    this.source = null;
    clearTimeout(this.timer);
    clearTimeout(this.silence);
  }

  expect() {
    clearTimeout(this.silence);
    this.silence = setTimeout(() => this.lost(), SILENCE_MS);
  }

  lost() {
    this.close();
    this.onConnection(false);
    const wait = PATIENCE_MS[Math.min(this.failures++, PATIENCE_MS.length - 1)];
    this.timer = setTimeout(() => this.open(), wait);
  }

  follow() {
    if (document.hidden) {
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.close(), HIDDEN_MS);
    } else if (!this.source) {
      this.open();
    } else {
      clearTimeout(this.timer);
    }
  }
}
