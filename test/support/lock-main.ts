// A program for the tests of the lock: opens the store of a folder and says so, or why it cannot. Rule: it does no
// more with it. It gives it up when its input ends; told to leave, it ends at once and gives nothing up.

import { FileStore } from '../../src/outbox/file.ts'
import { SqliteStore } from '../../src/outbox/sqlite.ts'

const [, , folder = '', engine, how] = process.argv
const small = { reserveBytes: 4096 }
const store = engine === 'sqlite' ? new SqliteStore(folder, small) : new FileStore(folder, small)
try {
  await store.open()
  console.log(`open ${process.pid}`)
  if (how !== 'leave') {
    process.stdin.resume()
    await new Promise((resolve) => process.stdin.once('end', resolve))
    await store.close()
  }
} catch (error) {
  console.log(error instanceof Error ? error.message : error)
}
