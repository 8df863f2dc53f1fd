// The file store on a real folder: who owns it, what a killed process leaves, and what it says when it cannot
// be used.

import { deepEqual, equal, ok, rejects } from 'node:assert/strict'
import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { LOCK_WAIT_MS } from '../../src/outbox/constants.ts'
import { FileStore } from '../../src/outbox/file.ts'
import { Outbox } from '../../src/outbox/outbox.ts'
import type { CrowdedFacts } from '../support/crowded-main.ts'
import { hurried } from '../support/hurried.ts'
import { requireOrSkip } from '../support/skip.ts'
import { onSmallDisk } from '../support/small-disk.ts'
import type { ReadOnlyFacts } from '../support/small-disk-main.ts'

// Built or not, as this file is.
const WRITER = fileURLToPath(
  new URL(`../support/outbox-writer.${import.meta.url.slice(-2)}`, import.meta.url),
)
const [LOCKER, CROWDED] = ['lock-main', 'crowded-main'].map((name) =>
  fileURLToPath(new URL(`../support/${name}.${import.meta.url.slice(-2)}`, import.meta.url)),
) as [string, string]
const ROUNDS = 6
const SMALL = { segmentBytes: 4096, reserveBytes: 4096 }

async function inFolder(run: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'umqtt-outbox-'))
  try {
    await run(folder)
  } finally {
    await rm(folder, { recursive: true })
  }
}

function startWriter(folder: string): ChildProcess {
  return spawn(process.execPath, [WRITER, folder], { stdio: ['ignore', 'pipe', 'inherit'] })
}

/** Starts a writer and kills it after some lines. @returns its lines */
async function killedWriter(folder: string, after: number): Promise<string[]> {
  const child = startWriter(folder)
  const exited = once(child, 'exit')
  const lines: string[] = []
  for await (const line of createInterface({ input: child.stdout! })) {
    lines.push(line)
    if (lines.length === after) child.kill('SIGKILL')
  }
  await exited
  return lines
}

function refusal(code: string, words: RegExp): (error: Error & { code?: string }) => boolean {
  return (error) => {
    equal(error.code, code, error.message)
    ok(words.test(error.message), error.message)
    return true
  }
}

const unavailable = (words: RegExp): ReturnType<typeof refusal> =>
  refusal('ERR_MQTT_STORE_UNAVAILABLE', words)

describe('the owner of a folder', () => {
  test('is one: a second store of the same process is refused', () =>
    inFolder(async (folder) => {
      const first = new FileStore(folder, SMALL)
      await first.open()
      const second = new FileStore(folder, SMALL)
      const opening = (): Promise<void> =>
        rejects(second.open(), unavailable(/this process \(pid \d+\) has it open already/))
      equal(await hurried(opening), LOCK_WAIT_MS)
      await first.commit([['put', 1, new Uint8Array(3)]], 'power')
      await first.close()
      equal((await second.open()).count, 1)
      await second.close()
      deepEqual((await readdir(folder)).sort(), ['00000001.log', 'outbox', 'reserve'])
    }))

  test('is named when another process has it, and its lock is taken over when it was killed', () =>
    inFolder(async (folder) => {
      const child = startWriter(folder)
      await once(createInterface({ input: child.stdout! }), 'line')
      const store = new FileStore(folder, SMALL)
      await rejects(store.open(), unavailable(new RegExp(`process ${child.pid} has it open`)))
      child.kill('SIGKILL')
      await once(child, 'exit')
      deepEqual((await store.open()).damaged, [])
      await store.close()
    }))

  test('is not believed when the lock is torn, of another boot, or of a number used again', () =>
    inFolder(async (folder) => {
      const store = new FileStore(folder, SMALL)
      await store.open()
      const own = JSON.parse(await readFile(join(folder, 'lock'), 'utf8')) as object
      await store.close()
      for (const lock of ['', '{"pid":', { ...own, bootId: 'other' }, { ...own, startTime: '1' }]) {
        const text = typeof lock === 'string' ? lock : JSON.stringify(lock)
        await writeFile(join(folder, 'lock'), text)
        await store.open()
        await store.close()
      }
    }))

  test('is one of many that open at the same time', () =>
    inFolder(async (folder) => {
      await writeFile(join(folder, 'lock'), '{"pid":1,"bootId":"other","startTime":"1"}')
      const stores = Array.from({ length: 8 }, () => new FileStore(folder, SMALL))
      const results = await Promise.allSettled(stores.map((store) => store.open()))
      equal(results.filter(({ status }) => status === 'fulfilled').length, 1)
      for (const [i, { status }] of results.entries()) {
        if (status === 'fulfilled') await stores[i]!.close()
      }
    }))
})

describe('the files', () => {
  test('may be read by their user alone', () =>
    inFolder(async (folder) => {
      const store = new FileStore(join(folder, 'deep', 'outbox'), SMALL)
      await store.open()
      await store.commit([['put', 1, new Uint8Array(3)]], 'power')
      for (const name of await readdir(join(folder, 'deep', 'outbox'))) {
        const { mode } = await stat(join(folder, 'deep', 'outbox', name))
        equal(mode & 0o777, 0o600, name)
      }
      equal((await stat(join(folder, 'deep', 'outbox'))).mode & 0o777, 0o700)
      await store.close()
    }))

  test('cannot be in a file', () =>
    inFolder(async (folder) => {
      const file = join(folder, 'file')
      await writeFile(file, '')
      await rejects(
        new FileStore(file).open(),
        unavailable(/Cannot open the outbox in ".*file".+; there is a file where/),
      )
    }))

  test('cannot be in a folder that this user may only read', (t) =>
    inFolder(async (folder) => {
      if (!requireOrSkip(t, 'ordinary-user')) return
      await chmod(folder, 0o500)
      await rejects(new FileStore(folder).open(), unavailable(/make it writable/))
      await chmod(folder, 0o700)
    }))

  test('cannot be on a disk that may only be read, by root neither, and are left as they were', async (t) => {
    if (!requireOrSkip(t, 'mounts')) return
    const { known, fresh, before, after } = await onSmallDisk<ReadOnlyFacts>(1, 'read-only')
    for (const { code, message } of [known, fresh]) {
      equal(code, 'ERR_MQTT_STORE_UNAVAILABLE', message)
      ok(/^Cannot open the outbox in ".+": EROFS.+; make it writable for this user/.test(message))
    }
    deepEqual(after, before)
    ok(before.includes('00000001.log'))
  })

  test('cannot be behind a link to a disk that is not mounted, and make nothing in its place', () =>
    inFolder(async (folder) => {
      const link = join(folder, 'link')
      await symlink(join(folder, 'disk', 'outbox'), link)
      await rejects(
        new FileStore(link).open(),
        unavailable(/ENOENT.+; it was removed, or is a link to what is/),
      )
      deepEqual(await readdir(folder), ['link'])
    }))

  test('cannot be where a quota is used up, which is said as a disk that is full', (t) =>
    inFolder(async (folder) => {
      if (!requireOrSkip(t, 'strace')) return
      for (const call of ['bind', 'pwrite64']) {
        const inject = ['-f', '-qq', '-o', '/dev/null', '-e', `inject=${call}:error=EDQUOT`]
        const program = [...inject, process.execPath, LOCKER, folder, 'log']
        const { stdout } = spawnSync('strace', program, { encoding: 'utf8' })
        ok(/^Cannot .+: the disk is full$/m.test(stdout), `${call}: ${stdout}`)
      }
    }))

  test('cannot be where the lock cannot be a link, which is no question of rights', (t) =>
    inFolder(async (folder) => {
      if (!requireOrSkip(t, 'strace')) return
      const inject = ['-f', '-qq', '-o', '/dev/null', '-e', 'inject=?link,?linkat:error=EPERM']
      const program = [...inject, process.execPath, LOCKER, folder, 'log']
      const { stdout } = spawnSync('strace', program, { encoding: 'utf8' })
      ok(/EPERM.+; the lock is a hard link, which this file system does not/.test(stdout), stdout)
      deepEqual(await readdir(folder), [])
    }))

  test('are waited for when the process has too many of them open, and nothing is lost by it', (t) =>
    inFolder(async (folder) => {
      if (process.platform === 'win32') return t.skip('Windows has no such limit')
      const program = ['-c', 'ulimit -n 128 && exec "$0" "$@"', process.execPath, CROWDED, folder]
      const { stdout, stderr } = spawnSync('sh', program, { encoding: 'utf8' })
      equal(stderr, '')
      const facts = JSON.parse(stdout) as CrowdedFacts
      const awaited = { openingWaited: true, commitWaited: true }
      deepEqual(facts, { opening: '', commit: '', next: '', found: 3, ...awaited })
    }))

  test('that may not grow are said, with what to do', (t) =>
    inFolder(async (folder) => {
      if (process.platform === 'win32') return t.skip('Windows has no such limit')
      const program = ['-c', 'ulimit -f 1 && exec "$0" "$@"', process.execPath, LOCKER, folder]
      const { stdout } = spawnSync('sh', program, { encoding: 'utf8' })
      ok(/EFBIG.+; let this process write larger files \(ulimit -f\)/.test(stdout), stdout)
    }))

  test('that cannot be made is said, where Node would try for ever', async (t) => {
    if (process.platform !== 'linux') return t.skip('only Linux has /proc')
    const folder = '/proc/umqtt/outbox'
    await rejects(new FileStore(folder).open(), unavailable(/Cannot open the outbox in "\/proc/))
  })

  test('are left alone when they are of a newer version, and the lock is given back', () =>
    inFolder(async (folder) => {
      await writeFile(join(folder, 'outbox'), `umqtt outbox log 2 ${'0'.repeat(32)}\n`)
      // Who has many folders has to know which.
      const words = new RegExp(`Cannot open the outbox in "${folder}": it has format version 2,`)
      await rejects(new FileStore(folder).open(), unavailable(words))
      deepEqual(await readdir(folder), ['outbox'])
    }))
})

describe('a process that is killed with -9', () => {
  test('loses nothing that it was told is stored, and brings back nothing deleted with power', () =>
    inFolder(async (folder) => {
      const stored = new Set<number>()
      const maybeGone = new Set<number>()
      for (let round = 0; round < ROUNDS; round++) {
        const lines = await killedWriter(folder, 50 + round * 97)
        ok(lines[0]!.endsWith('[]'), lines[0])
        for (const line of lines) {
          const [what, number] = line.split(' ')
          if (what === 'stored') stored.add(Number(number))
          if (what === 'deleting') maybeGone.add(Number(number))
        }
        const outbox = new Outbox(new FileStore(folder, SMALL))
        const { quarantined } = await outbox.open()
        deepEqual(quarantined, [])
        const found = new Set((await outbox.read(0, 100_000)).map(([seq]) => seq))
        for (const seq of stored) ok(found.has(seq) || maybeGone.has(seq), `Record ${seq}`)
        ok(
          found.size <= stored.size / 10 + 5 * (round + 1),
          `${found.size} of ${stored.size} are left`,
        )
        await outbox.close()
      }
      ok(stored.size > 200)
      const logs = (await readdir(folder)).filter((name) => name.endsWith('.log'))
      ok(logs.length < 20, `${logs.length} segments`)
    }))
})
