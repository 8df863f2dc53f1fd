// One owner for a folder: a lock file that names the process. Rule: a lock is believed while its process
// may be alive; one that a dead process left is taken over. A process is known by its number, the boot of
// the machine and its own start, because numbers are used again. Machines that share a folder are not told apart.

import { randomUUID } from 'node:crypto'
import { link, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { StoreError } from '../errors.ts'

const NAME = 'lock'
const FILE_MODE = 0o600
/** The place of the start time in /proc/PID/stat, after the name in brackets; proc(5) counts it as 22. */
const START_FIELD = 19
const ATTEMPTS = 10

interface Owner {
  readonly pid: number
  /** The boot of the machine; empty where the platform does not say. */
  readonly bootId: string
  /** The start of the process in the platform's units; empty where it does not say. */
  readonly startTime: string
  /** Tells the locks of one process apart. */
  readonly token: string
}

/** The lock of one folder. */
export class FileLock {
  readonly #folder: string
  readonly #path: string
  #held: string | undefined

  constructor(folder: string) {
    this.#folder = folder
    this.#path = join(folder, NAME)
  }

  /** @throws {StoreError} ERR_MQTT_STORE_UNAVAILABLE a live process has it; the message names it */
  async take(): Promise<void> {
    const token = randomUUID()
    const own: Owner = {
      pid: process.pid,
      bootId: await bootId(),
      startTime: (await startTime(process.pid)) ?? '',
      token,
    }
    const text = `${JSON.stringify(own)}\n`
    const draft = `${this.#path}.${token}`
    try {
      for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
        const found = await readText(this.#path)
        if (found !== undefined) {
          const owner = parse(found)
          if (owner !== undefined && (await isAlive(owner, own.bootId))) throw this.#refuse(owner)
          await this.#removeStale(found, token)
        }
        await writeFile(draft, text, { mode: FILE_MODE })
        if (!(await this.#link(draft))) continue
        this.#held = text
        return
      }
    } finally {
      await rm(draft, { force: true })
    }
    throw this.#refuse(undefined)
  }

  /** Only looks. @throws {StoreError} ERR_MQTT_STORE_UNAVAILABLE a live process has it; the message names it */
  async check(): Promise<void> {
    const found = await readText(this.#path)
    const owner = found === undefined ? undefined : parse(found)
    if (owner !== undefined && (await isAlive(owner, await bootId()))) throw this.#refuse(owner)
  }

  /** Gives it up, if it is still ours. */
  async release(): Promise<void> {
    const held = this.#held
    this.#held = undefined
    if (held !== undefined && (await readText(this.#path)) === held) {
      await rm(this.#path, { force: true })
    }
  }

  /** Makes the lock, with its content, in one step. @returns false when there is one */
  async #link(draft: string): Promise<boolean> {
    try {
      await link(draft, this.#path)
      return true
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
      throw error
    }
  }

  /** Removes a lock that was found stale, and no other that came in its place meanwhile. */
  async #removeStale(found: string, token: string): Promise<void> {
    const aside = `${this.#path}.stale.${token}`
    try {
      await rename(this.#path, aside)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return
      throw error
    }
    if ((await readText(aside)) !== found) await this.#link(aside)
    await rm(aside, { force: true })
  }

  #refuse(owner: Owner | undefined): StoreError {
    const who =
      owner === undefined
        ? 'other processes are opening it at the same time; try again'
        : owner.pid === process.pid
          ? `this process (pid ${owner.pid}) has it open already`
          : `process ${owner.pid} has it open (boot "${owner.bootId}", start ${owner.startTime}); end that one, or give each its own folder`
    return new StoreError(
      'ERR_MQTT_STORE_UNAVAILABLE',
      `Cannot open the outbox in "${this.#folder}": ${who}`,
    )
  }
}

/** What a lock file says; undefined when it was torn: then its owner died with the machine. */
function parse(text: string): Owner | undefined {
  try {
    const owner = JSON.parse(text) as Partial<Owner> | null
    return typeof owner?.pid === 'number' && owner.pid > 0 ? (owner as Owner) : undefined
  } catch {
    return undefined
  }
}

async function isAlive(owner: Owner, boot: string): Promise<boolean> {
  if (owner.bootId !== boot) return false
  try {
    process.kill(owner.pid, 0)
  } catch (error) {
    // EPERM: it is there and belongs to somebody else.
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false
  }
  return ((await startTime(owner.pid)) ?? owner.startTime) === owner.startTime
}

async function bootId(): Promise<string> {
  return ((await readText('/proc/sys/kernel/random/boot_id')) ?? '').trim()
}

/**
 * When a process started, in ticks since boot; undefined where there is no such file. One that has
 * ended and that its parent did not take notice of yet (state Z or X) has no start.
 */
async function startTime(pid: number): Promise<string | undefined> {
  const text = await readText(`/proc/${pid}/stat`)
  const fields = text?.slice(text.lastIndexOf(')') + 2).split(' ')
  return fields !== undefined && /[ZX]/.test(fields[0]!) ? 'ended' : fields?.[START_FIELD]
}

async function readText(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    // ESRCH: the process of a file in /proc ended while it was read.
    if (code === 'ENOENT' || code === 'ESRCH') return undefined
    throw error
  }
}
