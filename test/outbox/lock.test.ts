// Who owns a folder that containers share: processes whose numbers mean nothing to each other, which are 1 in each.
// Both stores have the same lock. The socket beside it is what the kernel answers by.

import { deepEqual, equal, match, ok, rejects } from 'node:assert/strict'
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import { LOCK_WAIT_MS } from '../../src/outbox/constants.ts'
import { FileLock } from '../../src/outbox/file-lock.ts'
import { hurried } from '../support/hurried.ts'
import { firstly } from '../support/pace.ts'
import { absent, findNumberSpace, requireOrSkip } from '../support/skip.ts'
import { inFolder } from '../support/temporary-folder.ts'

// Built or not, as this file is.
const MAIN = fileURLToPath(
  new URL(`../support/lock-main.${import.meta.url.slice(-2)}`, import.meta.url),
)
const RUN = 'Deno' in globalThis ? ['run', '--allow-all', '--no-check', '--no-lock'] : []
const ENGINES = firstly(['log', 'sqlite'], ['sqlite'])
const OTHER = /process \d+ has it open \(.+, in another container or namespace/
const SOCKET = /^lock-[0-9a-f]{8}$/

/** A process in a container of its own, as far as numbers go. */
class Container {
  /** The first thing that it says. */
  readonly said: Promise<string>
  readonly #child: ChildProcess
  readonly #ended: Promise<unknown>

  constructor(folder: string, engine: string, ...how: string[]) {
    const args = [...(findNumberSpace() ?? []), process.execPath, ...RUN, MAIN, folder, engine]
    this.#child = spawn('unshare', [...args, ...how], { stdio: 'pipe' })
    this.#ended = once(this.#child, 'exit')
    const lines = createInterface({ input: this.#child.stdout! })
    let errors = ''
    this.#child.stderr!.setEncoding('utf8').on('data', (text: string) => (errors += text))
    this.said = new Promise((resolve, reject) => {
      lines.once('line', resolve)
      // Of no effect once it has said something.
      this.#child.once('close', () => reject(new Error(`It said nothing: ${errors}`)))
    })
  }

  /** Sends a signal to the process inside, by its number out here. */
  signal(name: NodeJS.Signals): void {
    const { pid } = this.#child
    process.kill(Number(readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')), name)
  }

  async kill(): Promise<void> {
    this.signal('SIGKILL')
    await this.#ended
  }

  /** Waits until it has given the folder up. */
  async end(): Promise<void> {
    this.#child.stdin!.end()
    await this.#ended
  }

  /** Whatever became of it. */
  async dispose(): Promise<void> {
    this.#child.kill('SIGKILL')
    await this.#ended
  }
}

type Start = (folder: string, ...how: string[]) => Container

/** Runs something with containers, and with a folder that they share. */
async function withContainers(
  engine: string,
  run: (folder: string, start: Start) => Promise<void>,
): Promise<void> {
  const started: Container[] = []
  await inFolder(async (folder) => {
    try {
      await run(folder, (place, ...how) => {
        const container = new Container(place, engine, ...how)
        started.push(container)
        return container
      })
    } finally {
      await Promise.all(started.map((container) => container.dispose()))
    }
  })
}

for (const engine of ENGINES) {
  const skip = engine === 'sqlite' ? absent('number-spaces', 'sqlite') : absent('number-spaces')
  describe(`a folder of ${engine} that containers share`, { skip }, () => {
    test('has one owner, whose number is as good as any', () =>
      withContainers(engine, async (folder, start) => {
        const first = start(folder)
        equal(await first.said, 'open 1')
        const second = start(folder)
        match(await second.said, OTHER)
        await second.end()
        await rejects(new FileLock(folder).check(), OTHER, 'Nor may anybody look')
        await first.end()
        const third = start(folder)
        equal(await third.said, 'open 1')
        await third.end()
        deepEqual(namesOfLocks(await readdir(folder)), [])
      }))

    test('is free at once when its owner was killed with -9', () =>
      withContainers(engine, async (folder, start) => {
        const first = start(folder)
        equal(await first.said, 'open 1')
        await first.kill()
        equal(namesOfLocks(await readdir(folder)).length, 2, 'The lock and its socket are left')
        const second = start(folder)
        equal(await second.said, 'open 1')
        await second.end()
        deepEqual(namesOfLocks(await readdir(folder)), [])
      }))

    test('is free when its owner has ended and gave nothing up, which the socket does not hinder', () =>
      withContainers(engine, async (folder, start) => {
        const first = start(folder, 'leave')
        equal(await first.said, 'open 1')
        await first.end()
        const second = start(folder)
        equal(await second.said, 'open 1')
        await second.end()
      }))

    test('is held by an owner that is stopped', () =>
      withContainers(engine, async (folder, start) => {
        const first = start(folder)
        equal(await first.said, 'open 1')
        first.signal('SIGSTOP')
        const second = start(folder)
        match(await second.said, OTHER)
        await second.end()
        first.signal('SIGCONT')
        await first.end()
      }))

    test('is told apart where its path is too long for a socket', () =>
      withContainers(engine, async (root, start) => {
        const folder = join(root, 'a'.repeat(100), 'b'.repeat(100))
        const first = start(folder)
        equal(await first.said, 'open 1')
        const second = start(folder)
        match(await second.said, OTHER)
        await second.end()
        await first.kill()
        const third = start(folder)
        equal(await third.said, 'open 1')
        await third.end()
        deepEqual(namesOfLocks(await readdir(folder)), [])
      }))

    test('may be copied while it is open, and the copy is free', () =>
      withContainers(engine, async (root, start) => {
        const folder = join(root, 'folder')
        const first = start(folder)
        equal(await first.said, 'open 1')
        for (const [copy, kept] of Object.entries({ whole: 2, bare: 1 })) {
          execFileSync('cp', ['-a', folder, join(root, copy)])
          const names = namesOfLocks(await readdir(join(root, copy)))
          if (copy === 'bare')
            await rm(
              join(
                root,
                copy,
                names.find((name) => SOCKET.test(name))!,
              ),
            )
          equal(namesOfLocks(await readdir(join(root, copy))).length, kept)
          const second = start(join(root, copy))
          equal(await second.said, 'open 1')
          await second.end()
        }
        await first.end()
      }))
  })
}

describe('a lock', { skip: process.platform !== 'linux' && 'only Linux has such locks' }, () => {
  test('of another namespace that has no socket is for a person to judge', () =>
    inFolder(async (folder) => {
      const text = await lockText(folder)
      const { socket: _, ...bare } = JSON.parse(text) as Record<string, unknown>
      const lock = JSON.stringify({ ...bare, namespace: 'pid:[1]' })
      await writeFile(join(folder, 'lock'), lock)
      const advice =
        /another container, .+; end that one, and if there is none, remove the file ".+lock"/
      await rejects(new FileLock(folder).take(), advice)
      await rejects(new FileLock(folder).check(), advice)
      equal(await readFile(join(folder, 'lock'), 'utf8'), lock)
      deepEqual(await readdir(folder), ['lock'])
    }))

  test('of an earlier version is judged by the number of its process', () =>
    inFolder(async (folder) => {
      const {
        socket: _,
        namespace: __,
        ...old
      } = JSON.parse(await lockText(folder)) as object & {
        socket: unknown
        namespace: unknown
      }
      await writeFile(join(folder, 'lock'), JSON.stringify(old))
      const taking = (): Promise<void> =>
        rejects(new FileLock(folder).take(), /this process \(pid \d+\) has it open already/)
      equal(await hurried(taking), LOCK_WAIT_MS)
      await writeFile(join(folder, 'lock'), JSON.stringify({ ...old, startTime: '1' }))
      await takeAndRelease(folder)
    }))

  test('of a thread that was ended is taken over, after the wait for one who lets go', () =>
    inFolder(async (folder) => {
      const thread = new Worker(MAIN, { argv: [folder, 'log'] })
      try {
        const [said] = (await once(thread, 'message')) as [string]
        equal(said, `open ${process.pid}`)
        const held = /this process \(pid \d+\) has it open already/
        await hurried(() => rejects(new FileLock(folder).take(), held))
      } finally {
        await thread.terminate()
      }
      // What it was writing has come to an end by then. Deno leaves the socket, at which nobody answers soon after.
      if ('Deno' in globalThis) await takeAndRelease(folder)
      else equal(await hurried(() => takeAndRelease(folder)), LOCK_WAIT_MS)
    }))

  test('of a thread that ends while it is waited for is taken over, also if its socket stays', () =>
    inFolder(async (folder) => {
      const name = 'lock-01234567'
      const path = join(folder, name)
      const server = createServer()
      await new Promise<void>((resolve) => server.listen(path, resolve))
      const own = JSON.parse(await lockText(join(folder, 'elsewhere'))) as object
      await writeFile(join(folder, 'lock'), JSON.stringify({ ...own, thread: 1e6, socket: name }))
      const taking = hurried(() => takeAndRelease(folder))
      // It answers the first question.
      await once(server, 'connection')
      await rename(path, `${path}-kept`)
      await new Promise((resolve) => server.close(resolve))
      await rename(`${path}-kept`, path)
      equal(await taking, LOCK_WAIT_MS)
    }))

  test('of this thread is believed without its socket, which somebody may have removed', () =>
    inFolder(async (folder) => {
      const lock = new FileLock(folder)
      await lock.take()
      const { socket } = JSON.parse(await readFile(join(folder, 'lock'), 'utf8')) as {
        socket: string
      }
      await rm(join(folder, socket))
      await hurried(() => rejects(new FileLock(folder).take(), /has it open already/))
      await hurried(() => rejects(lock.take(), /has it open already/))
      deepEqual(await readdir(folder), ['lock'], 'Taken once more, it is not given up')
      await lock.release()
    }))

  test('is believed while its socket is listened to, whatever it says otherwise', () =>
    inFolder(async (folder) => {
      const server = createServer()
      await new Promise<void>((resolve) => server.listen(join(folder, 'lock-01234567'), resolve))
      const lock = { pid: 1, bootId: 'other', startTime: '1', socket: 'lock-01234567' }
      await writeFile(join(folder, 'lock'), JSON.stringify(lock))
      await rejects(new FileLock(folder).take(), /process 1 has it open/)
      await new Promise((resolve) => server.close(resolve))
      await takeAndRelease(folder)
    }))

  test('that names another file than a socket of locks has it neither asked nor removed', () =>
    inFolder(async (root) => {
      const folder = join(root, 'folder')
      await mkdir(folder)
      await writeFile(join(root, 'precious'), '')
      const lock = { pid: 1, bootId: 'other', startTime: '1', socket: '../precious' }
      await writeFile(join(folder, 'lock'), JSON.stringify(lock))
      await takeAndRelease(folder)
      ok((await readdir(root)).includes('precious'))
    }))

  test('that is stale is removed also after one who died while removing it', () =>
    inFolder(async (folder) => {
      const stale = '{"pid":1,"bootId":"other","startTime":"1"}'
      await writeFile(join(folder, 'lock'), stale)
      const claim = join(folder, `lock.${digestOf(stale)}`)
      // By one that lives: it is not ours to remove.
      const alive = await lockText(join(folder, 'elsewhere'))
      const { socket: _, ...bare } = JSON.parse(alive) as Record<string, unknown>
      await writeFile(claim, JSON.stringify(bare))
      await rejects(new FileLock(folder).take(), /other processes are opening it at the same time/)
      equal(await readFile(join(folder, 'lock'), 'utf8'), stale)
      // By one that is dead.
      await writeFile(claim, JSON.stringify({ ...bare, startTime: '1' }))
      await takeAndRelease(folder)
      deepEqual(await readdir(folder), ['elsewhere'])
    }))

  test('leaves nothing of those who were killed while they took it', async (t) => {
    if (!requireOrSkip(t, 'strace')) return
    await inFolder(async (folder) => {
      const program = [process.execPath, ...RUN, MAIN, folder, 'log', 'leave']
      // Before it has a socket, before anybody may ask there, before it has the lock, and with the draft still there.
      for (const call of ['bind', 'listen', '?link,?linkat', '?unlink,?unlinkat']) {
        const strace = ['-f', '-qq', '-o', '/dev/null', '-e', `inject=${call}:signal=KILL`]
        spawnSync('strace', [...strace, ...program])
        ok(namesOfLocks(await readdir(folder)).length > 0, `It was killed at ${call}`)
        await takeAndRelease(folder)
        deepEqual(namesOfLocks(await readdir(folder)), [], `Left by who was killed at ${call}`)
      }
    })
  })

  test('leaves alone what another one has who is about to take it', () =>
    inFolder(async (folder) => {
      const { token, ...rest } = JSON.parse(await lockText(folder)) as { token: string }
      const draft = `lock.${token}`
      await writeFile(join(folder, draft), JSON.stringify({ ...rest, socket: 'lock-01234567' }))
      const lock = new FileLock(folder)
      await lock.take()
      await lock.release()
      deepEqual(await readdir(folder), [draft])
    }))
})

function namesOfLocks(names: readonly string[]): readonly string[] {
  return names.filter((name) => name.startsWith('lock'))
}

async function takeAndRelease(folder: string): Promise<void> {
  const lock = new FileLock(folder)
  await lock.take()
  await lock.release()
  deepEqual(namesOfLocks(await readdir(folder)), [])
}

/** What the claim on a lock is called by. */
function digestOf(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 16)
}

/** What a lock of this process says. */
async function lockText(folder: string): Promise<string> {
  await mkdir(folder, { recursive: true })
  const lock = new FileLock(folder)
  await lock.take()
  const text = await readFile(join(folder, 'lock'), 'utf8')
  await lock.release()
  return text
}
