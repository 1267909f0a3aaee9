// Drives a Transmission RPC with npm's @ctrl/transmission: MODULES URL MAGNET DOWNLOAD_DIR. Says a line of JSON for each step.
import { pathToFileURL } from 'node:url';

const [modules, baseUrl, magnet, downloadDir] = process.argv.slice(2);
const { Transmission } = await import(pathToFileURL(`${modules}/@ctrl/transmission/dist/src/index.js`));
const say = (step, value) => console.log(JSON.stringify({ [step]: value }));
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

const client = new Transmission({ baseUrl, path: '/transmission/rpc' });
const session = (await client.getSession()).arguments;
say('session', { version: session.version, downloadDir: session['download-dir'] });
const added = (await client.addMagnet(magnet, { 'download-dir': downloadDir })).arguments['torrent-added'];
say('added', added);
let torrent = await client.getTorrent(added.hashString);
for (let i = 0; i < 100 && torrent.totalSize === 0; i++) {
  await sleep(100);
  torrent = await client.getTorrent(added.hashString);
}
say('torrent', { name: torrent.name, state: torrent.state, isCompleted: torrent.isCompleted, label: torrent.label,
                 savePath: torrent.savePath, totalSize: torrent.totalSize });
const all = await client.getAllData();
say('all', { torrents: all.torrents.length, labels: all.labels.map((label) => label.name) });
await client.queueTop(added.hashString);
await client.resumeTorrent(added.hashString);
await client.reannounceTorrent(added.hashString);
await client.setTorrent(added.hashString, { labels: ['other'], seedRatioLimit: 3, seedRatioMode: 1 });
const raw = (await client.listTorrents(added.hashString)).arguments.torrents[0];
say('set', { labels: raw.labels, seedRatioLimit: raw.seedRatioLimit, files: raw.files.length });
const refused = async (step, call) => say(step, await call.then((answer) => answer.result, (error) => String(error)));
await refused('paused', client.pauseTorrent(added.hashString));
say('space', (await client.freeSpace(downloadDir)).arguments);
say('removed', (await client.removeTorrent(added.hashString, true)).result);
say('left', (await client.getAllData()).torrents.length);
