// Takes pictures of the web page: node picture-web.mjs NODE_MODULES URL FOLDER TORRENT
import {createRequire} from 'node:module';
import {join, resolve} from 'node:path';

const [modules, url, folder, torrent] = process.argv.slice(2);
const {chromium} = createRequire(resolve(modules, 'x'))('playwright-core');
const SIZES = {390: {width: 390, height: 844}, 1400: {width: 1400, height: 800}};
/// So long rates are plotted before the first picture.
const RATES_MS = 20_000;

const browser = await chromium.launch({executablePath: '/usr/bin/chromium', args: ['--no-sandbox']});
const page = await browser.newPage({viewport: SIZES[1400]});
await page.goto(url);
await page.waitForSelector('body[data-ready]');
await page.waitForTimeout(RATES_MS);
const open = () => page.locator('#rows .row', {hasText: torrent}).click();
const close = () => page.keyboard.press('Escape');
for (const theme of ['light', 'dark']) {
  await page.emulateMedia({colorScheme: theme});
  for (const [width, size] of Object.entries(SIZES)) {
    await page.setViewportSize(size);
    const take = async (name) => {
      await page.waitForTimeout(1500);
      await page.screenshot({path: join(folder, `web-${name}-${width}-${theme}.png`)});
    };
    await take('list');
    await open();
    await page.waitForSelector('.file');
    await take('torrent');
    await close();
    if (width === '390') {
      await page.keyboard.press('m');
      await take('mount');
      await close();
    }
  }
}
await browser.close();
