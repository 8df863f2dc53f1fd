// What the outbox is measured against: the least that keeps the promise "it is on the disk", the least that can
// also be read again after a power cut, and SQLite. All commit in groups and give each caller a promise, because an
// application has to learn of it. None does more: no index, nothing read back, no room made free, one file.

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

/** Appends what `layOut` makes of a group, in one write, and syncs it by one fdatasync. */
function journal(layOut) {
  return async (folder, waves) => {
    const handle = await open(join(folder, 'journal'), 'a')
    const group = new Group(async (batch) => {
      await handle.write(layOut(batch))
      await handle.datasync()
    })
    const result = await waves((seq, body) => group.append(seq, body))
    await handle.close()
    return result
  }
}

/** The bodies as they are: where one ends, and which were torn, nobody can tell afterwards. */
export const bareJournal = journal((batch) => Buffer.concat(batch.map(({ body }) => body)))

/** Length and number, 8 bytes each, before a body: its own bytes come after them, and the checksum of all. */
const HEADER_BYTES = 16
const CHECKSUM_BYTES = 4

/**
 * Records that can be read again: each with its length, its number and a checksum.
 * @param crc32 of the outbox, so that both pay the same for it
 */
export const readableJournal = (crc32) =>
  journal((batch) => {
    let length = 0
    for (const { body } of batch) length += HEADER_BYTES + body.length + CHECKSUM_BYTES
    const bytes = Buffer.allocUnsafe(length)
    let at = 0
    for (const { seq, body } of batch) {
      const start = at
      bytes.writeDoubleLE(body.length, at)
      bytes.writeDoubleLE(seq, at + 8)
      bytes.set(body, at + HEADER_BYTES)
      at += HEADER_BYTES + body.length
      bytes.writeUInt32LE(crc32(bytes, 0, start, at), at)
      at += CHECKSUM_BYTES
    }
    return bytes
  })

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
