// `umqtt outbox DIR`: what it says of an outbox of every kind, that looking changes nothing, and that cancelling
// takes away what it says and no more.

import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { FileStore } from '../../src/outbox/file.ts'
import { Outbox } from '../../src/outbox/outbox.ts'
import { fleeting, guaranteed, MQTTClient, within } from '../../src/robust.node.ts'
import { runHere } from '../support/command-rig.ts'
import { runProgram } from '../support/run-program.ts'
import { requireOrSkip, runtimePath } from '../support/skip.ts'
import { inFolder } from '../support/temporary-folder.ts'

const MAIN = 'dist/cli/main.js'
/** The user that owns nothing, on Debian. */
const NOBODY = 65_534

/** Every byte, every name and every time of change in a folder. */
function fingerprint(folder: string): string {
  const hash = createHash('sha256')
  for (const name of readdirSync(folder).sort()) {
    const path = join(folder, name)
    const stats = statSync(path)
    hash.update(`${name} ${stats.mode} ${stats.mtimeMs} ${stats.size}\n`)
    // All but the socket of a lock, in which nothing is.
    if (stats.isFile()) hash.update(readFileSync(path))
  }
  return hash.digest('hex')
}

/** An outbox with messages of several kinds, and the ids of those that are kept. */
async function fill(folder: string): Promise<string[]> {
  const client = new MQTTClient('door-7', 'mqtt://127.0.0.1:1', {
    outbox: new FileStore(folder, { reserveBytes: 0 }),
  })
  await client.open()
  const properties = {
    contentType: 'text/plain',
    userProperties: [['a', 'b']] as const,
    correlationData: Uint8Array.of(0, 255),
  }
  const receipts = [
    client.publish('door/window', 'broken', { delivery: guaranteed(), properties }),
    client.publish('door/\u001b[2J', Uint8Array.of(0, 1, 255), {
      delivery: guaranteed({ qos: 2 }),
    }),
    client.publish('door/button', '', { delivery: within('1h'), retain: true }),
  ]
  client.publish('door/reading', '21', { delivery: fleeting() })
  await Promise.all(receipts.map(({ stored }) => stored))
  const ids = receipts.map(({ id }) => id)
  await client[Symbol.asyncDispose]()
  return ids
}

/** Writes something into the session of an outbox, as its client would. */
async function setState(folder: string, key: string, value: object): Promise<void> {
  const outbox = new Outbox(new FileStore(folder, { reserveBytes: 0 }))
  await outbox.open()
  await outbox.write([['set', key, Buffer.from(JSON.stringify(value))]], 'power')
  await outbox.close()
}

const look = async (
  folder: string,
  ...args: readonly string[]
): Promise<{ readonly code: number; readonly stdout: string; readonly stderr: string }> => {
  const before = fingerprint(folder)
  const result = await runHere(['outbox', folder, ...args])
  assert.equal(fingerprint(folder), before, `${args.join(' ')} changed the folder`)
  return result
}

const jsonLines = (stdout: string): Record<string, unknown>[] =>
  stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>)

describe('umqtt outbox', () => {
  test('lists, shows, counts and exports, and changes nothing', async () => {
    await inFolder(async (folder) => {
      const [first = '', second = '', third = ''] = await fill(folder)
      const list = await look(folder)
      assert.equal(list.code, 0)
      const rows = list.stdout.trimEnd().split('\n')
      assert.deepEqual(
        rows
          .map((row) => row.split('\t'))
          .map(([id, stage, qos, , , , , topic]) => [id, stage, qos, topic]),
        [
          [first, 'stored', '1', 'door/window'],
          [second, 'stored', '2', String.raw`door/\u{1b}[2J`],
          [third, 'stored', '1', 'door/button'],
        ],
      )
      const json = jsonLines((await look(folder, 'list', '--json')).stdout)
      assert.deepEqual(
        json.map(({ id, mayBeSent }) => [id, mayBeSent]),
        [
          [first, true],
          [second, false],
          [third, true],
        ],
      )
      const shown = await look(folder, 'show', first)
      assert.match(shown.stdout, /^topic: "door\/window"$/m)
      assert.match(shown.stdout, /^payload: "broken"$/m)
      assert.match(shown.stdout, /^policy: priority 4, for ever, durable required/m)
      assert.match((await look(folder, 'show', second)).stdout, /^payload: 00 01 ff \(3 bytes\)$/m)
      const counted = await look(folder, 'count')
      assert.match(
        counted.stdout,
        /^messages: 3\nbytes: \d+\nstages: 3 stored\npriorities: 1 of 3, 2 of 4\n/,
      )
      const exported = jsonLines((await look(folder, 'export')).stdout)
      const [one, two, three] = exported.map(({ time: _time, ...rest }) => rest)
      assert.deepEqual(one, {
        topic: 'door/window',
        qos: 1,
        retain: false,
        payload: 'broken',
        contentType: 'text/plain',
        userProperties: [['a', 'b']],
        correlationDataBase64: 'AP8=',
      })
      assert.equal(two?.['payloadBase64'], 'AAH/')
      assert.ok(Number(three?.['messageExpirySeconds']) <= 3_600)
      const verified = await look(folder, 'verify')
      assert.equal(verified.code, 0)
      assert.match(verified.stdout, /^client: "door-7"$/m)
      assert.match(verified.stdout, /^torn end: none\nintact: every record could be read\n$/m)
    })
  })

  test('says how far messages are, and what is set aside', async () => {
    await inFolder(async (folder) => {
      const [first = '', second = '', third = ''] = await fill(folder)
      await setState(folder, 'o9', { seq: 2, state: 'released' })
      await setState(folder, 'q3', { id: third, reason: 'It ended 2 connections' })
      const rows = jsonLines((await look(folder, '--json')).stdout)
      assert.deepEqual(
        rows.map(({ id, stage, mayBeSent, reason }) => [id, stage, mayBeSent, reason]),
        [
          [first, 'stored', true, undefined],
          [second, 'received', true, undefined],
          [third, 'poisoned', true, 'It ended 2 connections'],
        ],
      )
      const verified = await look(folder, 'verify')
      assert.equal(verified.code, 0)
      assert.match(verified.stdout, /^set aside: 1\n.*: It ended 2 connections$/m)
    })
  })

  test('cancels what is asked for, and says what may have been sent', async () => {
    await inFolder(async (folder) => {
      const [first = '', second = '', third = ''] = await fill(folder)
      await setState(folder, 'q3', { id: third, reason: 'It ended 2 connections' })
      const never = await runHere(['outbox', folder, 'cancel', second, '--yes'])
      assert.deepEqual([never.code, never.stderr], [0, ''])
      assert.match(never.stdout, /cancelled, never sent\n$/)
      const missing = await runHere(['outbox', folder, 'cancel', 'none', '--yes'])
      assert.equal(missing.code, 1)
      assert.match(missing.stderr, /There is no message "none"/)
      const all = await runHere(['outbox', folder, 'cancel', '--all', '--yes', '--json'])
      assert.equal(all.code, 6)
      assert.deepEqual(
        jsonLines(all.stdout).map(({ id, result }) => [id, result]),
        [
          [first, 'maybe-sent'],
          [third, 'maybe-sent'],
        ],
      )
      const verified = await look(folder, 'verify')
      assert.match(verified.stdout, /^messages: 0\n[^]*^set aside: 0\n[^]*^intact/m)
      // Its client goes on with what is left.
      const client = new MQTTClient('door-7', 'mqtt://127.0.0.1:1', { outbox: folder })
      await client.open()
      assert.equal(client.outbox.count, 0)
      await client[Symbol.asyncDispose]()
    })
  })

  test('keeps a message whose exchange has begun', async () => {
    await inFolder(async (folder) => {
      const [, second = ''] = await fill(folder)
      await setState(folder, 'o9', { seq: 2, state: 'sent' })
      const { code, stdout } = await runHere(['outbox', folder, 'cancel', second, '--yes'])
      assert.equal(code, 5)
      assert.match(stdout, /kept: the server has its packet id/)
      assert.match((await look(folder, 'list')).stdout, new RegExp(`^${second}\tsent\t`, 'm'))
      // Another client has no session in which it could be finished.
      const other = new MQTTClient('door-8', 'mqtt://127.0.0.1:1', { outbox: folder })
      await other.open()
      await other[Symbol.asyncDispose]()
      const late = await runHere(['outbox', folder, 'cancel', second, '--yes'])
      assert.equal(late.code, 6)
      assert.match(late.stdout, /cancelled, may have been sent before/)
      assert.match((await look(folder, 'count')).stdout, /^stages: 2 stored$/m)
    })
  })

  test('does not cancel without a question or --yes', async () => {
    await inFolder(async (folder) => {
      await fill(folder)
      const { code, stderr } = await look(folder, 'cancel', '--all')
      assert.equal(code, 2)
      assert.match(stderr, /write --yes/)
    })
  })

  test('asks on a terminal, and takes nothing but yes for it', async () => {
    await inFolder(async (folder) => {
      await fill(folder)
      for (const answer of ['\n', 'n\n', 'yesterday\n', '']) {
        const { code, stderr } = await runHere(['outbox', folder, 'cancel', '--all'], {
          columns: 80,
          stdin: [Buffer.from(answer)],
        })
        assert.equal(code, 1)
        assert.match(stderr, /^Cancel 3 messages\? \[y\/N\] Nothing was cancelled\n$/)
        assert.match((await look(folder, 'count')).stdout, /^messages: 3$/m)
      }
      const stdin = [Buffer.from('y\n')]
      const { code } = await runHere(['outbox', folder, 'cancel', '--all'], { columns: 80, stdin })
      assert.equal(code, 6)
      assert.match((await look(folder, 'count')).stdout, /^messages: 0$/m)
    })
  })

  test('fits a narrow terminal', async () => {
    await inFolder(async (folder) => {
      await fill(folder)
      for (const columns of [200, 80, 50]) {
        const { stdout } = await runHere(['outbox', folder], { columns, env: { NO_COLOR: '1' } })
        const lines = stdout.trimEnd().split('\n')
        assert.equal(lines.length, 4)
        assert.match(lines[0] ?? '', /^ID +STAGE .*TOPIC$/)
        assert.equal(/ QOS /.test(lines[0] ?? ''), columns > 50)
        const widest = Math.max(...lines.map((line) => line.length))
        assert.ok(widest < columns, `${widest} of ${columns}`)
      }
    })
  })
})

describe('umqtt outbox on a damaged folder', () => {
  const segmentOf = (folder: string): string =>
    join(folder, readdirSync(folder).find((name) => name.endsWith('.log')) ?? '')

  test('reads the rest, names what is damaged, and ends with 8', async () => {
    await inFolder(async (folder) => {
      await fill(folder)
      // What comes after it says that it was safe.
      await setState(folder, 'later', {})
      const path = segmentOf(folder)
      const bytes = readFileSync(path)
      const at = bytes.indexOf('broken')
      assert.ok(at > 0)
      bytes[at] = 0x42
      writeFileSync(path, bytes)
      const verified = await look(folder, 'verify')
      assert.equal(verified.code, 8)
      assert.match(verified.stdout, /^damaged: \d+ findings?; the rest can be read$/m)
      assert.match(verified.stderr, /damaged: Record 1 does not match its checksum/)
      const list = await look(folder, 'list')
      assert.equal(list.code, 8)
      assert.match(list.stdout, /door\/button/)
      const json = await look(folder, 'verify', '--json')
      assert.equal(json.code, 8)
      assert.equal(jsonLines(json.stdout)[0]?.['intact'], false)
    })
  })

  test('names a hundred findings, and counts the others, of which JSON has all', async () => {
    await inFolder(async (folder) => {
      const store = new FileStore(folder, { reserveBytes: 0 })
      await store.open()
      for (let seq = 1; seq <= 120; seq += 1) {
        await store.commit([['put', seq, Buffer.from(`broken ${seq}`)]], 'process')
      }
      await store.close()
      // What comes after them says that they were safe.
      await setState(folder, 'later', {})
      const path = segmentOf(folder)
      const bytes = readFileSync(path)
      for (let at = -1; (at = bytes.indexOf('broken', at + 1)) >= 0;) bytes[at] = 0x42
      writeFileSync(path, bytes)
      const { stdout } = await look(folder, 'verify', '--json')
      assert.match((await look(folder, 'verify')).stderr, /damaged, at "00000001\.log" \d+$/m)
      const findings = jsonLines(stdout)[0]?.['damaged'] as readonly object[]
      assert.ok(findings.length >= 120)
      for (const action of ['list', 'verify']) {
        const lines = (await look(folder, action)).stderr.trimEnd().split('\n')
        assert.equal(lines.length, 101)
        const more = `and ${findings.length - 100} more findings: verify --json names them all`
        assert.equal(lines.at(-1), more)
      }
    })
  })

  test('takes a torn end for what it is', async () => {
    await inFolder(async (folder) => {
      await fill(folder)
      const path = segmentOf(folder)
      writeFileSync(path, Buffer.concat([readFileSync(path), Buffer.from('half of a batch')]))
      const verified = await look(folder, 'verify')
      assert.equal(verified.code, 0)
      assert.match(verified.stdout, /^torn end: 15 bytes of a last write that is not whole/m)
      assert.match(verified.stdout, /^intact but for its torn end/m)
    })
  })

  test('breaks at no byte of a log that is changed or cut', async () => {
    await inFolder(async (folder) => {
      await fill(folder)
      const path = segmentOf(folder)
      const whole = readFileSync(path)
      const step = Math.max(1, Math.floor(whole.length / 60))
      for (let at = 0; at < whole.length; at += step) {
        const changed = Buffer.from(whole)
        changed[at] = (changed[at] ?? 0) ^ 0x55
        for (const bytes of [changed, whole.subarray(0, at)]) {
          writeFileSync(path, bytes)
          const { code, stderr } = await look(folder, 'verify')
          // Another version, or another id, is told; nothing else is an error.
          assert.ok([0, 8].includes(code) || /format version|another outbox/.test(stderr), stderr)
        }
      }
    })
  })
})

describe('umqtt outbox says what is wrong, and makes nothing', () => {
  const refusal = async (folder: string): Promise<string> => {
    const { code, stdout, stderr } = await runHere(['outbox', folder])
    assert.deepEqual([code, stdout], [1, ''])
    return stderr
  }

  test('of no folder, an empty one, a file and something else', async () => {
    await inFolder(async (folder) => {
      assert.match(await refusal(join(folder, 'none')), /there is no such folder\n$/)
      const empty = join(folder, 'empty')
      mkdirSync(empty)
      assert.match(await refusal(empty), /there is none, the folder is empty\n$/)
      assert.deepEqual(readdirSync(folder), ['empty'])
      assert.deepEqual(readdirSync(empty), [])
      writeFileSync(join(empty, 'outbox'), 'a letter')
      writeFileSync(join(empty, '00000001.log'), 'of something else')
      assert.match(await refusal(empty), /the files in it are of something else\n$/)
      assert.match(await refusal(join(empty, 'outbox')), /it is a file; give the folder/)
    })
  })

  test('of a newer version and of an unknown engine', async () => {
    await inFolder(async (folder) => {
      const id = '0'.repeat(32)
      writeFileSync(join(folder, 'outbox'), `umqtt outbox log 9 ${id}\n`)
      const words = `outbox in "${folder}": it has format version 9, this program knows 1; use a newer one`
      assert.ok((await refusal(folder)).includes(words))
      writeFileSync(join(folder, 'outbox'), `umqtt outbox tape 1 ${id}\n`)
      assert.match(await refusal(folder), /made by the engine "tape"/)
    })
  })

  test('of a process that has it open', async () => {
    await inFolder(async (folder) => {
      await fill(folder)
      const client = new MQTTClient('door-7', 'mqtt://127.0.0.1:1', { outbox: folder })
      await client.open()
      for (const args of [['list'], ['cancel', '--all', '--yes']]) {
        const { code, stderr } = await runProgram(MAIN, ['outbox', folder, ...args])
        assert.equal(code, 1)
        assert.match(stderr, new RegExp(`process ${process.pid} has it open`))
      }
      assert.equal(client.outbox.count, 3)
      await client[Symbol.asyncDispose]()
    })
  })

  test('of a folder that this user may not read', async () => {
    await inFolder(async (folder) => {
      await fill(folder)
      chmodSync(folder, 0)
      // Root may read everything, and can be somebody else.
      const nobody = process.getuid?.() === 0 ? { uid: NOBODY } : {}
      const { status, stderr } = spawnSync(process.execPath, [MAIN, 'outbox', folder], {
        encoding: 'utf8',
        ...nobody,
      })
      chmodSync(folder, 0o700)
      assert.equal(status, 1)
      assert.match(stderr, /you may not read it\n$/)
    })
  })

  test('of its arguments', async () => {
    for (const [args, words] of [
      [['outbox'], /DIR .* is missing/],
      [['outbox', 'x', 'lst'], /There is no action "lst"/],
      [['outbox', 'list', 'x'], /the folder comes first/],
      [['outbox', 'x', 'show'], /show needs the ids/],
      [['outbox', 'x', 'list', 'y'], /list is about all messages/],
      [['outbox', 'x', 'list', '--all'], /Cannot use --all/],
    ] as const) {
      const { code, stderr } = await runHere(args)
      assert.equal(code, 2, args.join(' '))
      assert.match(stderr, words)
    }
  })
})

describe('umqtt outbox as a process', () => {
  test('ends with 141 when nobody reads any more', async () => {
    await inFolder(async (folder) => {
      const client = new MQTTClient('door-7', 'mqtt://127.0.0.1:1', { outbox: folder })
      const payload = 'x'.repeat(10_000)
      const receipts = Array.from({ length: 200 }, () =>
        client.publish('door', payload, { delivery: guaranteed() }),
      )
      await Promise.all(receipts.map(({ stored }) => stored))
      await client[Symbol.asyncDispose]()
      const child = spawn(process.execPath, [MAIN, 'outbox', folder, 'export'], { stdio: 'pipe' })
      const closed = once(child, 'close')
      await once(child.stdout, 'data')
      child.stdout.destroy()
      assert.deepEqual(await closed, [141, null])
    })
  })
})

describe('umqtt outbox on SQLite', () => {
  test('reads a database that its process left open, and changes nothing', async (t) => {
    if (!requireOrSkip(t, 'node22')) return
    await inFolder(async (folder) => {
      const runtime = runtimePath('node22')
      const script = `
        import { SqliteStore } from './dist/outbox/sqlite.js'
        import { MQTTClient, guaranteed } from './dist/robust.node.js'
        const outbox = new SqliteStore(${JSON.stringify(folder)})
        const client = new MQTTClient('door-7', 'mqtt://127.0.0.1:1', { outbox })
        for (const payload of ['one', 'two']) {
          await client.publish('door', payload, { delivery: guaranteed({ qos: 2 }) }).stored
        }
        process.kill(process.pid, 'SIGKILL')`
      spawnSync(runtime, ['--input-type=module', '-e', script])
      const before = fingerprint(folder)
      const run = (...args: string[]): ReturnType<typeof runProgram> =>
        runProgram(MAIN, ['outbox', folder, ...args], { NODE_NO_WARNINGS: '1' }, { runtime })
      const verified = await run('verify')
      assert.match(verified.stdout, /^kept by: sqlite, format version 1$/m)
      assert.match(verified.stdout, /^messages: 2$/m)
      assert.deepEqual([verified.code, fingerprint(folder)], [0, before])
      const env = { NODE_NO_WARNINGS: '1', TMPDIR: join(folder, 'nowhere') }
      const uncopied = await runProgram(MAIN, ['outbox', folder], env, { runtime })
      assert.equal(uncopied.code, 1)
      assert.match(uncopied.stderr, /Cannot read the outbox in ".+": no copy .+; set TMPDIR/)
      const paths = ['outbox.sqlite', 'outbox.sqlite-wal'].map((name) => join(folder, name))
      const whole = paths.map((path) => readFileSync(path))
      for (const path of paths) writeFileSync(path, Buffer.alloc(8_192, 'no database'))
      const damaged = await run('verify')
      assert.equal(damaged.code, 8)
      assert.ok(damaged.stderr.includes(folder), damaged.stderr)
      assert.match(damaged.stderr, /its database is damaged/)
      for (const [index, path] of paths.entries()) writeFileSync(path, whole[index] ?? '')
      const cancelled = await run('cancel', '--all', '--yes')
      assert.equal(cancelled.code, 0)
      assert.equal((await run('list')).stdout, '')
    })
  })
})
