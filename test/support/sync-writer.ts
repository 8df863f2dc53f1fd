// A program for the test that looks at system calls: stores messages, one by one and many at once, says each
// when it is stored, and how many group commits that took.

import { writeSync } from 'node:fs'
import { FileStore } from '../../src/outbox/file.ts'
import { Outbox } from '../../src/outbox/outbox.ts'

const [, , folder = ''] = process.argv
const outbox = new Outbox(new FileStore(folder, { segmentBytes: 16_384, reserveBytes: 4096 }))
let { nextSeq } = await outbox.open()
const store = async (): Promise<void> => {
  const seq = nextSeq++
  await outbox.write([['put', seq, new Uint8Array(200).fill(seq)]], 'power')
  writeSync(1, `stored ${seq}\n`)
}
const before = outbox.commits
for (let i = 0; i < 20; i++) await store()
for (let wave = 0; wave < 10; wave++) await Promise.all(Array.from({ length: 50 }, store))
writeSync(1, `commits ${outbox.commits - before}\n`)
await outbox.close()
