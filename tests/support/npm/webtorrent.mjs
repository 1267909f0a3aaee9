// A client that has what lies in FOLDER, and gets the rest from whom it is told of or hears from.
//   node webtorrent.mjs NODE_MODULES PORT FOLDER TORRENT|MAGNET tcp|utp
// With utp it dials that first. Says {"metadata": NAME} and {"done": true}; takes lines of HOST:PORT, whom to connect to.
import path from 'node:path'
import readline from 'node:readline'
import { pathToFileURL } from 'node:url'

const [modules, port, folder, source, transport] = process.argv.slice(2)
const { default: WebTorrent } = await import(pathToFileURL(path.join(modules, 'webtorrent', 'index.js')))
const say = word => console.log(JSON.stringify(word))

const client = new WebTorrent({
  torrentPort: Number(port), dht: false, lsd: false, natPmp: false, natUpnp: false, tracker: false,
  utp: transport === 'utp'
})
client.on('error', error => { console.error(error); process.exit(1) })
const torrent = client.add(source, { path: folder })
torrent.on('metadata', () => say({ metadata: torrent.name }))
torrent.on('done', () => say({ done: true }))
torrent.on('infoHash', () => {
  readline.createInterface({ input: process.stdin }).on('line', peer => torrent.addPeer(peer))
})
