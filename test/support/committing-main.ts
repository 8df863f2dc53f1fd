// A program for the tests of kill -9: makes the commits of commits.ts in the store of a folder, from the first
// that it has not up to the last, and prints the number of each when it is told safe. In the midst of the one that
// it is given it kills itself, after so many steps, or at its end.

import { writeSync } from 'node:fs'
import { FileStore } from '../../src/outbox/file.ts'
import { platformSqlite, type SqliteConnection } from '../../src/outbox/sqlite-connection.ts'
import { SqliteStore } from '../../src/outbox/sqlite.ts'
import { commitOf, numberIn } from './commits.ts'

const [folder = '', engine = '', ...given] = process.argv.slice(2)
const [seed = 0, last = 0, killAt = 0, steps = 0] = given.map(Number)
const options = { segmentBytes: 4096, reserveBytes: 0 }
const connect = await platformSqlite()
let stepsLeft = Infinity

function die(): void {
  process.kill(process.pid, 'SIGKILL')
}

/** SQLite lets nothing else run while it commits: the process dies between two of its statements. */
function mortal(connection: SqliteConnection): SqliteConnection {
  const step = (): void => {
    stepsLeft -= 1
    if (stepsLeft < 0) die()
  }
  return {
    exec: (sql) => (step(), connection.exec(sql)),
    prepare: (sql) => {
      const statement = connection.prepare(sql)
      return {
        run: (...values) => (step(), statement.run(...values)),
        all: (...values) => statement.all(...values),
        ...(statement.finalize && { finalize: () => statement.finalize?.() }),
      }
    },
    close: () => connection.close(),
  }
}

/** A turn is less than a write takes: their number grows with the square. */
function dieAfter(turns: number): void {
  if (turns === 0) die()
  else setImmediate(dieAfter, turns - 1)
}

const store =
  engine === 'sqlite' && connect !== undefined
    ? new SqliteStore(folder, { ...options, connect: (path) => mortal(connect(path)) })
    : new FileStore(folder, options)
await store.open()
for (let number = numberIn(await store.state()) + 1; number <= last; number += 1) {
  const isFatal = number === killAt
  if (isFatal) stepsLeft = steps
  const made = store.commit(...commitOf(seed, number))
  if (isFatal && engine === 'file') dieAfter(steps * steps)
  await made
  writeSync(1, `${number}\n`)
  if (isFatal) die()
}
await store.close()
