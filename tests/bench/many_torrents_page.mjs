// Opens the page of many_torrents_page.py, says how long it took, and keeps it open until it is told a line.
import {createRequire} from 'node:module';
import {createInterface} from 'node:readline/promises';
import {resolve} from 'node:path';

const [modules, url] = process.argv.slice(2);
const {chromium} = createRequire(resolve(modules, 'x'))('playwright-core');
const browser = await chromium.launch({executablePath: '/usr/bin/chromium', args: ['--no-sandbox']});
const times = [];
let page;
for (let round = 0; round < 3; ++round) {
  await page?.close();
  page = await browser.newPage({viewport: {width: 1400, height: 800}});
  await page.goto(url, {waitUntil: 'commit'});
  await page.waitForFunction(() => document.querySelectorAll('#rows .row').length > 10, null, {polling: 'raf'});
  // Since the navigation began; two frames later all that was queued has run.
  times.push(await page.evaluate(() => new Promise((done) =>
    requestAnimationFrame(() => requestAnimationFrame(() => done(performance.now()))))));
}
console.log(`interactive after ${times.map((time) => Math.round(time)).join(', ')} ms`);
const timed = (what, action) => page.evaluate(`(async () => { const began = performance.now(); ${action};
  await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
  return performance.now() - began; })()`).then((time) => console.log(`${what}: ${Math.round(time)} ms`));
await timed('search', `document.querySelector('#search').value = '99'; document.querySelector('#search').dispatchEvent(new Event('input'))`);
await timed('all again', `document.querySelector('#search').value = ''; document.querySelector('#search').dispatchEvent(new Event('input'))`);
await timed('sort by size', `document.querySelector('#columns .size button').click()`);
await timed('sort by name', `document.querySelector('#columns .name button').click()`);
await timed('end of the list', `document.querySelector('#scroller').scrollTop = 1e9`);
console.log(`${await page.locator('#rows .row').count()} rows in the document`);
console.log('open');
const before = await page.evaluate(() => performance.now());
const session = await page.context().newCDPSession(page);
await session.send('Performance.enable');
const used = async () => (await session.send('Performance.getMetrics')).metrics.find(({name}) => name === 'TaskDuration').value;
const tasks = await used();
for await (const line of createInterface({input: process.stdin})) break;
const seconds = (await page.evaluate(() => performance.now()) - before) / 1000;
console.log(`the page uses ${(100 * (await used() - tasks) / seconds).toFixed(1)} % of a core`);
await browser.close();
