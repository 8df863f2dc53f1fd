// A program for the tests of kill -9: publishes guaranteed messages from the outbox of a folder, and prints
// a line for each that is stored, for each outcome that is not "delivered", and when the log begins and
// ends to free a file. It ends by itself only when it is told to drain. Lines are written at once.

import { writeSync } from 'node:fs'
import { FileStore } from '../../src/outbox/file.ts'
import { FolderFiles } from '../../src/outbox/folder.ts'
import { guaranteed, MQTTClient } from '../../src/robust.node.ts'

const [, , url = '', folder = '', protocol, round = '0', drain] = process.argv
const TOPICS = 3
/** Messages that wait at a time. */
const OPEN_MAX = 60

function say(line: string): void {
  writeSync(1, `${line}\n`)
}

/** Says when a file of the log is being rewritten or removed: not while the outbox is opened. */
function watchCompaction(): void {
  const { open, remove, syncFolder } = FolderFiles.prototype
  let isRemoved = false
  FolderFiles.prototype.open = function (name, create) {
    if (!create) say('compacting')
    return open.call(this, name, create)
  }
  FolderFiles.prototype.remove = function (name) {
    say('compacting')
    isRemoved = true
    return remove.call(this, name)
  }
  FolderFiles.prototype.syncFolder = async function () {
    await syncFolder.call(this)
    if (isRemoved) say('compacted')
    isRemoved = false
  }
}

const client = new MQTTClient(`torture-writer-${protocol}`, url, {
  protocol: protocol === '4' ? 4 : 5,
  reconnect: { floorMs: 10, capMs: 40 },
  outbox: new FileStore(folder, { segmentBytes: 4096, reserveBytes: 4096 }),
})
client.on('warning', ({ message }) => say(`warning ${message}`))
client.on('settled', ({ outcome, receipt }) => {
  if (outcome.status !== 'delivered') say(`outcome ${receipt.topic} ${outcome.status}`)
})

let count = 0
function publish(): void {
  const qos = count % 3 === 0 ? 1 : 2
  const text = `${round}-${count}`
  const topic = `torture/${qos}/${count % TOPICS}`
  count += 1
  const { stored } = client.publish(topic, text, { delivery: guaranteed({ qos }) })
  stored.then(
    (where) =>
      say(where === 'memory' ? `warning "${text}" is in memory` : `stored ${topic} ${text}`),
    (error: Error) => say(`warning ${error.message}`),
  )
}

await client.open()
say('opened')
watchCompaction()
const connected = client.connect()
connected.catch((error: Error) => say(`warning ${error.message}`))
if (drain === undefined) {
  setInterval(() => {
    const room = Math.min(OPEN_MAX - client.outbox.count, 2 * TOPICS)
    for (let i = 0; i < room; i += 1) publish()
  }, 1)
} else {
  publish()
  await connected
  await client.drain()
  await client[Symbol.asyncDispose]()
  say('drained')
}
