// What the outbox is measured against: the least that keeps the promise "it is on the disk", and SQLite. Both
// commit in groups and give each caller a promise, because an application has to learn of it. Neither does more:
// no number, no checksum and no index of the journal's own, nothing read back, no room made free, one file.

import { once } from 'node:events'
import { open } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { createServer } from 'node:net'
import { join } from 'node:path'

/** What arrives during a commit goes into the next. */
class Group {
  #waiting = []
  #running = false

  /** @param commit given what waits; resolves, or returns, when it is safe */
  constructor(commit) {
    this.commit = commit
  }

  append(seq, body) {
    return new Promise((done) => {
      this.#waiting.push({ seq, body, done })
      if (!this.#running) void this.#run()
    })
  }

  async #run() {
    this.#running = true
    await Promise.resolve()
    while (this.#waiting.length > 0) {
      const batch = this.#waiting
      this.#waiting = []
      await this.commit(batch)
      for (const { done } of batch) done()
      await Promise.resolve()
    }
    this.#running = false
  }
}

/** Appends the bodies as they are, in one write, and syncs them by one fdatasync. */
export async function bareJournal(folder, waves) {
  const handle = await open(join(folder, 'journal'), 'a')
  const group = new Group(async (batch) => {
    await handle.write(Buffer.concat(batch.map(({ body }) => body)))
    await handle.datasync()
  })
  const result = await waves((seq, body) => group.append(seq, body))
  await handle.close()
  return result
}

/** A row for each body, and a transaction for each group, which is synced: WAL, synchronous=FULL. */
function sqliteJournal(openDatabase) {
  return async (folder, waves) => {
    const database = openDatabase(join(folder, 'journal.sqlite'))
    database.exec('PRAGMA journal_mode=WAL')
    database.exec('PRAGMA synchronous=FULL')
    database.exec('CREATE TABLE message (seq INTEGER PRIMARY KEY, body BLOB NOT NULL)')
    const insert = database.prepare('INSERT INTO message VALUES (?, ?)')
    const group = new Group((batch) => {
      database.exec('BEGIN')
      for (const { seq, body } of batch) insert.run(seq, body)
      database.exec('COMMIT')
    })
    const result = await waves((seq, body) => group.append(seq, body))
    database.close()
    return result
  }
}

const HOW = 'npm --prefix bench install'
const HEADERS =
  'where its binary cannot be downloaded, with the headers of Node: npm_config_nodedir=/usr, and a compiler'

/**
 * SQLite by better-sqlite3, or the same engine in Node itself, or none.
 *
 * @returns its name, what runs it, and what was not measured, if so
 */
export async function findSqlite() {
  let missing
  try {
    const Database = createRequire(import.meta.url)('better-sqlite3')
    new Database(':memory:').close()
    return { name: 'better-sqlite3', run: sqliteJournal((path) => new Database(path)) }
  } catch (error) {
    missing = `better-sqlite3 was not measured (${String(error.message).split('\n')[0]}): ${HOW}; ${HEADERS}`
  }
  try {
    const { DatabaseSync } = await import('node:sqlite')
    const run = sqliteJournal((path) => new DatabaseSync(path))
    return { name: 'node:sqlite', run, missing: `${missing}; node:sqlite is the same engine` }
  } catch {
    return {
      missing: `${missing}; this Node has no SQLite of its own: run it on Node 22.13 or later`,
    }
  }
}

/** A server that takes connections and says nothing: what is published waits. */
export async function silentServer() {
  const sockets = new Set()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined)
    socket.resume()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `mqtt://127.0.0.1:${server.address().port}`,
    close() {
      for (const socket of sockets) socket.destroy()
      server.close()
    },
  }
}
