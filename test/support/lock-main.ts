// A program for the tests of the lock: opens the store of a folder and says so, or why it cannot. Rule: it does no
// more with it. It gives it up when its input ends; told to leave, it ends at once and gives nothing up. In a thread
// it says so by a message, and keeps it until it is ended.

import { parentPort } from 'node:worker_threads'
import { FileStore } from '../../src/outbox/file.ts'
import { SqliteStore } from '../../src/outbox/sqlite.ts'

const [, , folder = '', engine, how] = process.argv
const small = { reserveBytes: 4096 }
const store = engine === 'sqlite' ? new SqliteStore(folder, small) : new FileStore(folder, small)
try {
  await store.open()
  const said = `open ${process.pid}`
  if (parentPort !== null) {
    parentPort.postMessage(said)
    await new Promise((resolve) => parentPort?.once('message', resolve))
  } else console.log(said)
  if (how !== 'leave') {
    process.stdin.resume()
    await new Promise((resolve) => process.stdin.once('end', resolve))
    await store.close()
  }
} catch (error) {
  console.log(error instanceof Error ? error.message : error)
}
