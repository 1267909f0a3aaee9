// A DHT of COUNT nodes on loopback.
//   node dht.mjs NODE_MODULES COUNT
// Says {"router": PORT} when all know others. Takes lines of "announce INFO_HASH PORT" and "look_up INFO_HASH", and says
// {"announced": INFO_HASH} and {"peer": HOST:PORT}.
import path from 'node:path'
import readline from 'node:readline'
import { once } from 'node:events'
import { pathToFileURL } from 'node:url'

const [modules, count] = process.argv.slice(2)
const { Client } = await import(pathToFileURL(path.join(modules, 'bittorrent-dht', 'index.js')))
const say = word => console.log(JSON.stringify(word))

async function node (bootstrap) {
  const made = new Client({ bootstrap, host: '127.0.0.1' })
  made.listen(0, '127.0.0.1')
  await once(made, 'listening')
  if (bootstrap) await once(made, 'ready')
  return made
}

const router = await node(false)
const port = router.address().port
const others = await Promise.all(Array.from({ length: Number(count) - 1 }, () => node([`127.0.0.1:${port}`])))
const last = others.at(-1)
last.on('peer', peer => say({ peer: `${peer.host}:${peer.port}` }))
readline.createInterface({ input: process.stdin }).on('line', line => {
  const [command, infoHash, at] = line.split(' ')
  if (command === 'announce') others[0].announce(infoHash, Number(at), () => say({ announced: infoHash }))
  if (command === 'look_up') last.lookup(infoHash)
})
say({ router: port })
