// A program for the tests of kill -9: stores messages in the outbox of a folder, prints the number of each
// when it is stored, and deletes most of those it finds. It never ends by itself.

import { FileStore } from '../../src/outbox/file.ts'
import { Outbox } from '../../src/outbox/outbox.ts'
import { SqliteStore } from '../../src/outbox/sqlite.ts'

const [, , folder = '', engine] = process.argv
const outbox = new Outbox(
  engine === 'sqlite'
    ? new SqliteStore(folder, { reserveBytes: 4096 })
    : new FileStore(folder, { segmentBytes: 4096, reserveBytes: 4096 }),
)
const { nextSeq, quarantined, count } = await outbox.open()
process.stdout.write(`opened ${count} ${JSON.stringify(quarantined)}\n`)
for (let seq = nextSeq; ; seq++) {
  await outbox.write([['put', seq, new Uint8Array(50).fill(seq)]], 'process')
  process.stdout.write(`stored ${seq}\n`)
  if (seq % 10 !== 0) {
    process.stdout.write(`deleting ${seq}\n`)
    await outbox.write([['delete', seq]], seq % 3 === 0 ? 'power' : 'lazy')
  }
}
