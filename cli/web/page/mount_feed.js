// The mount's events: opens them, and opens them again when they end.

const PATIENCE_MS = [500, 1000, 2000, 4000, 8000];
/// An event comes each second, of large mounts on slow machines more seldom: silence is so many times the last pause, and
/// at least the first of these; before there was a pause, the second.
const PAUSES = 4, SILENCE_MS = 20_000, FIRST_SILENCE_MS = 120_000;
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
    this.heard = null;
    document.addEventListener('visibilitychange', () => this.follow());
    window.addEventListener('online', () => this.open());
    this.open();
  }

  /// Does nothing while nobody sees the page: follow() opens the feed once somebody does.
  open() {
    this.close();
    if (document.hidden) return;
    const source = this.source = new EventSource('/api/events');
    source.addEventListener('status', (event) => {
      this.failures = 0;
      const now = performance.now();
      this.expect(this.heard === null ? FIRST_SILENCE_MS : Math.max(SILENCE_MS, PAUSES * (now - this.heard)));
      this.heard = now;
      this.onConnection(true);
      this.onStatus(JSON.parse(event.data));
    });
    source.addEventListener('error', () => this.lost());
    this.heard = null;
    this.expect(FIRST_SILENCE_MS);
  }

  close() {
    this.source?.close();
    this.source = null;
    clearTimeout(this.timer);
    clearTimeout(this.silence);
  }

  expect(patience) {
    clearTimeout(this.silence);
    this.silence = setTimeout(() => this.lost(), patience);
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
