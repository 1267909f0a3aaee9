// Parts of web_page_test.py: node web_page_test.mjs NODE_MODULES CHROMIUM URL PART [TORRENT NAME]
import assert from 'node:assert/strict';
import {readFileSync} from 'node:fs';
import {createRequire} from 'node:module';
import {resolve} from 'node:path';

const [modules, executablePath, url, part, torrent, hostile] = process.argv.slice(2);
const {chromium} = createRequire(resolve(modules, 'x'))('playwright-core');
const PATIENCE_MS = 15_000;

const parts = {
  async adding(page) {
    await row(page, 'Series').waitFor();
    const bytes = readFileSync(torrent).toString('base64');
    const data = await page.evaluateHandle((base64) => {
      const transfer = new DataTransfer();
      transfer.items.add(new File([Uint8Array.from(atob(base64), (c) => c.charCodeAt(0))], 'other.torrent'));
      return transfer;
    }, bytes);
    await page.dispatchEvent('body', 'drop', {dataTransfer: data});
    await page.locator('#add-chosen', {hasText: 'other.torrent'}).waitFor();
    await page.fill('#add-label', 'odd');
    await page.click('#add-submit');
    const added = page.locator('#rows .row', {hasText: hostile});
    await added.waitFor();
    await added.locator('.label', {hasText: 'odd'}).waitFor();
    await page.locator('#rows .row[aria-selected=true]', {hasText: hostile}).waitFor();

    await page.fill('#search', 'onerror');
    await row(page, 'Series').waitFor({state: 'detached'});
    assert.equal(await page.locator('#rows .row').count(), 1);
    await added.click();
    const tree = page.locator('.files');
    await tree.locator('.row', {hasText: 'three.txt'}).waitFor();
    assert.equal(await page.locator('#details-name').textContent(), hostile);
    await page.fill('#search', 'label:odd');
    assert.equal(await page.locator('#rows .row').count(), 1);
    await page.fill('#search', 'nothing like that');
    await page.locator('#empty', {hasText: 'No torrent'}).waitFor();
    await page.fill('#search', '');
    await row(page, 'Series').waitFor();
    assert.equal(await page.locator('img').count(), 0, 'no name became markup');
    assert.notEqual(await page.title(), 'broken');

    // Bad input is told in the dialog, and stays there.
    await page.click('#add');
    await page.fill('#add-link', 'magnet:?nothing');
    await page.keyboard.press('Enter');
    await page.locator('#add-error:not(:empty)').waitFor();
    assert.equal(await page.inputValue('#add-link'), 'magnet:?nothing');
    await page.keyboard.press('Escape');
    allowed.push(/status of 400/);
  },

  async playing(page) {
    await row(page, 'Series').click();
    const film = page.locator('.file', {hasText: 'film.webm'});
    await film.getByRole('button', {name: 'Play film.webm'}).click();
    await page.waitForFunction(() => document.querySelector('video').currentTime > 0.5, null, {timeout: PATIENCE_MS});
    assert.equal(await page.evaluate(() => document.querySelector('video').videoWidth), 160);
    // Subtitles that lie beside it: one of SubRip, one of WebVTT.
    await page.waitForFunction(() => document.querySelectorAll('video track').length === 2);
    const labels = await page.evaluate(() => [...document.querySelectorAll('video track')].map((track) => track.label).sort());
    assert.deepEqual(labels, ['Subtitles', 'de']);
    const cue = (label) => page.waitForFunction((it) => {
      const {track} = [...document.querySelectorAll('video track')].find((each) => each.label === it);
      if (track.mode === 'disabled') track.mode = 'hidden';
      const first = track.cues?.[0];
      return first ? [first.text, first.startTime, first.endTime] : null;
    }, label, {timeout: PATIENCE_MS}).then((found) => found.jsonValue());
    assert.deepEqual(await cue('Subtitles'), ['caf\u00e9 <i>one</i>', 0.5, 2]);
    assert.deepEqual(await cue('de'), ['eins', 0.25, 1]);
    await page.keyboard.press('Escape');
    await page.locator('#player-video:not([src])').waitFor({state: 'hidden'});  // the stream ends with the player
    assert.equal(await page.locator('video track').count(), 0);
    // The bytes that came for the player are here now.
    await film.locator('.percent', {hasText: '100 %'}).waitFor();
    await page.locator('.details .map .caption', {hasText: 'here'}).waitFor();

    const playlist = await page.evaluate(async () => (await fetch(document.querySelector('.actions a').href)).text());
    assert.match(playlist, /^#EXTM3U\n#EXTINF:-1,film\.webm\nhttp:\/\/.*\/Series\/film\.webm\n$/);
    await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
    await film.getByRole('button', {name: 'Copy the link'}).click();
    await page.locator('.message', {hasText: 'Link copied'}).waitFor();
    const link = await page.evaluate(() => navigator.clipboard.readText());
    const stream = await fetch(link, {headers: {Range: 'bytes=0-3'}});
    assert.equal(stream.status, 206);
    assert.equal(Buffer.from(await stream.arrayBuffer()).toString('hex'), '1a45dfa3', 'it begins as Matroska does');
  },

  async reading(page) {
    await row(page, 'Series').click();
    const map = page.locator('canvas.pieces');
    await page.locator('.reader', {hasText: 'notes.txt'}).waitFor();
    await page.waitForFunction((it) => /; readers at piece \d+$/.test(it.getAttribute('aria-label')), await map.elementHandle(),
      {timeout: PATIENCE_MS});
  },

  async keyboard(page) {
    const press = (...keys) => keys.reduce((before, key) => before.then(() => page.keyboard.press(key)), Promise.resolve());
    await row(page, 'Series').waitFor();
    await press('/');
    await page.keyboard.type('ser');
    await press('ArrowDown');
    await page.locator('#rows .row[aria-selected=true]', {hasText: 'Series'}).waitFor();
    assert.equal(await activeText(page, '#torrents'), await row(page, 'Series').textContent());
    await press('Enter');
    await page.locator('.file', {hasText: 'film.webm'}).waitFor();
    assert.equal(await page.evaluate(() => document.activeElement.id), 'details-name');

    await page.locator('.files').focus();
    await press('Home');
    assert.match(await activeText(page, '.files'), /Extras/);
    await press('ArrowLeft');
    await page.locator('.file', {hasText: 'notes.txt'}).waitFor({state: 'detached'});
    await press('ArrowRight', 'ArrowDown');
    assert.match(await activeText(page, '.files'), /notes\.txt/);
    await press('p');
    await page.locator('.file[data-pinned=true]', {hasText: 'notes.txt'}).waitFor();
    await page.locator('.file', {hasText: 'notes.txt'}).locator('.percent', {hasText: '100 %'}).waitFor();
    await press('p');
    await page.locator('.file[data-pinned=false]', {hasText: 'notes.txt'}).waitFor();

    await press('Delete');
    await page.locator('.confirmation').waitFor();
    await press('Escape');
    await page.locator('.confirmation').waitFor({state: 'hidden'});
    await press('Escape');
    await page.locator('.content.mount').waitFor();
    await press('Delete');
    await page.locator('.confirmation').waitFor();
    await press('Enter');
    await page.locator('.message', {hasText: 'Series removed'}).waitFor();
    await row(page, 'Series').waitFor({state: 'detached'});
    await press('?');
    await page.locator('#keys[open]').waitFor();
    await press('Escape', 'a');
    await page.locator('#add-dialog[open]').waitFor();
    await press('Escape');
    await page.locator('#add-dialog[open]').waitFor({state: 'detached'});
  },

  async outage(page) {
    await row(page, 'Series').waitFor();
    await row(page, 'Series').click();
    await page.locator('.file').first().waitFor();
    console.log('there');
    await page.locator('#connection', {hasText: 'does not answer'}).waitFor({timeout: PATIENCE_MS});
    allowed.push(/ERR_/);
    console.log('gone');
    await page.waitForFunction(() => !document.body.hasAttribute('data-gone'), null, {timeout: PATIENCE_MS});
    await page.locator('.file', {hasText: 'film.webm'}).waitFor();
    console.log('again');
  },

  async hidden(page) {
    let asked = 0;
    page.on('request', (request) => asked += new URL(request.url()).pathname === '/api/events' ? 1 : 0);
    const show = (hidden) => page.evaluate((value) => {
      Object.defineProperty(document, 'hidden', {value, configurable: true});
      document.dispatchEvent(new Event('visibilitychange'));
    }, hidden);
    await show(true);
    await page.evaluate(() => window.dispatchEvent(new Event('online')));
    const feed = page.waitForResponse((response) => new URL(response.url()).pathname === '/api/events');
    await show(false);
    await feed;
    assert.equal(asked, 1, 'a page that nobody sees asks for nothing');
  },

  async storage(page) {
    await page.addInitScript(() => Object.defineProperty(window, 'localStorage', {
      get() {
        throw new DOMException('denied', 'SecurityError');
      },
    }));
    await page.reload();
    await row(page, 'Series').waitFor();
    await page.locator('#columns [data-column=size] button').click();
    await page.locator('#columns [data-column=size][aria-sort=descending]').waitFor();
    await page.locator('.filter', {hasText: 'Failed'}).click();
    await row(page, 'Series').waitFor({state: 'detached'});
  },

  async several(page) {
    const press = (...keys) => keys.reduce((before, key) => before.then(() => page.keyboard.press(key)), Promise.resolve());
    const paused = (count) => page.waitForFunction((it) => [...document.querySelectorAll('#rows .cell.state')]
      .filter((cell) => cell.textContent === 'paused').length === it, count, {timeout: PATIENCE_MS});
    await row(page, 'Series').waitFor();
    await page.click('#add');
    await page.setInputFiles('#add-files', torrent);
    await page.click('#add-submit');
    await row(page, hostile).waitFor();
    await page.locator('#torrents').focus();
    await press('Home', 's');
    await paused(1);
    await press('s');
    await paused(0);
    await press('Shift+ArrowDown');
    await page.locator('#marked-count', {hasText: '2 torrents marked'}).waitFor();
    await press('s');
    await paused(2);
    await page.click('#marked-resume');
    await paused(0);
    await press('Escape');
    await page.locator('#marked').waitFor({state: 'hidden'});
    await row(page, 'Series').click({modifiers: ['Control']});
    await page.click('#marked-pause');
    await paused(1);
    await press('Escape', 'Control+a');
    await page.locator('#marked-count', {hasText: '2 torrents marked'}).waitFor();

    // Removal with what was downloaded, by the torrent's dialog.
    await press('Escape');
    await row(page, 'Series').click();
    await page.getByRole('button', {name: 'Remove', exact: true}).first().click();
    await page.getByLabel('Delete what was downloaded, too').check();
    await page.locator('.confirmation .danger').click();
    await page.locator('.message', {hasText: 'Series removed, with what was downloaded'}).waitFor();
  },

  async password(page) {
    await row(page, 'Series').click();
    await page.locator('.file', {hasText: 'film.webm'}).waitFor();
  },
};

const allowed = [];
const said = [];
const row = (page, name) => page.locator('#rows .row', {hasText: name});
/// The text of the row that has the keyboard, of a list that has the focus.
const activeText = (page, list) => page.evaluate((selector) => {
  const element = document.querySelector(selector);
  return document.activeElement === element ? document.getElementById(element.getAttribute('aria-activedescendant'))?.textContent : null;
}, list);

const browser = await chromium.launch({executablePath, args: ['--no-sandbox', '--autoplay-policy=no-user-gesture-required']});
try {
  const context = await browser.newContext(part === 'password' ? {httpCredentials: {username: 'x', password: 'correct horse'}} : {});
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE_MS);
  page.on('console', (message) => ['error', 'warning'].includes(message.type()) && said.push(message.text()));
  page.on('pageerror', (error) => said.push(error.stack));
  await page.goto(url);
  await page.waitForSelector('body[data-ready]');
  await parts[part](page);
  assert.deepEqual(said.filter((words) => !allowed.some((pattern) => pattern.test(words))), [], 'the console says nothing');
} finally {
  await browser.close();
}
