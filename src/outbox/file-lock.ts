// One owner for a folder: a lock file that names the process, and beside it a socket by which the kernel says
// whether it lives. Rule: a lock is believed while its process may be alive; one that a dead process left is taken
// over. Without a socket a process is known by its number, the namespace of that, the boot of the machine and its
// own start, because numbers are used again. Machines that share a folder are not told apart.

import { createHash, randomUUID } from 'node:crypto'
import { link, readdir, readFile, readlink, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { threadId } from 'node:worker_threads'
import { StoreError } from '../errors.ts'
import { LOCK_POLL_MS, LOCK_WAIT_MS } from './constants.ts'
import { ask, isSocketName, listen, type Listener, socketName } from './file-lock-socket.ts'

const NAME = 'lock'
const FILE_MODE = 0o600
/** The place of the start time in /proc/PID/stat, after the name in brackets; proc(5) counts it as 22. */
const START_FIELD = 19
const ATTEMPTS = 10
/** A lock that was to be, or a claim on one. */
const DRAFT = /^lock\.[0-9a-f-]+$/

/** Where a process number means something; each is empty where the platform does not say. */
interface Place {
  /** The boot of the machine. */
  readonly bootId: string
  /** The namespace of process numbers, of which each container has its own. */
  readonly namespace: string
}

interface Owner extends Omit<Place, 'namespace'> {
  readonly pid: number
  /** The start of the process in the platform's units; empty where it does not say. */
  readonly startTime: string
  /** Tells the locks of one process apart. */
  readonly token: string
  /** Absent in a lock of an earlier version, as is `thread`. */
  readonly namespace?: string
  /** The thread in its process: 0 is the main one, and no number is used again. */
  readonly thread?: number
  /** The name of its socket; absent where there can be none. */
  readonly socket?: string
}

/** Whether the owner of a lock lives; `unknown`: nobody here can tell. */
type Life = 'alive' | 'gone' | 'unknown'

/** The lock of one folder. */
export class FileLock {
  readonly #folder: string
  readonly #path: string
  #held: string | undefined
  #listener: Listener | undefined

  constructor(folder: string) {
    this.#folder = folder
    this.#path = join(folder, NAME)
  }

  /**
   * Takes it, and waits a moment for an owner in this process, who may be closing it.
   * @throws {StoreError} ERR_MQTT_STORE_UNAVAILABLE a live process has it; the message names it
   */
  async take(): Promise<void> {
    const token = randomUUID()
    const place = await findPlace()
    const name = socketName(token)
    const own: Owner = {
      pid: process.pid,
      ...place,
      startTime: (await startTime(process.pid)) ?? '',
      thread: threadId,
      token,
    }
    let text = `${JSON.stringify({ ...own, socket: name })}\n`
    const draft = `${this.#path}.${token}`
    let listener: Listener | undefined
    let looks = LOCK_WAIT_MS / LOCK_POLL_MS
    try {
      // Before the socket: whoever sweeps up finds both by it.
      await writeFile(draft, text, { mode: FILE_MODE })
      // Before there is a lock that names it: who finds the lock can ask.
      listener = await listen(this.#folder, name)
      if (listener === undefined) {
        text = `${JSON.stringify(own)}\n`
        await writeFile(draft, text)
      }
      for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
        const found = await readText(this.#path)
        if (found !== undefined) {
          const held = await this.#refusal(found, place)
          if (held === undefined) {
            await this.#removeStale(this.#path, found, draft, place)
          } else {
            const isOurs = isOfThisProcess(found, place)
            while ((await readText(this.#path)) === found) {
              if (isOurs && looks-- > 0) {
                await new Promise((go) => setTimeout(go, LOCK_POLL_MS))
                continue
              }
              if (!isOurs || !(await this.#isOfEndedThread(found))) throw held
              // What it was writing has come to its end meanwhile.
              await this.#removeStale(this.#path, found, draft, place)
              break
            }
            // It was given back meanwhile.
          }
        }
        if (!(await linkNew(draft, this.#path))) continue
        this.#held = text
        this.#listener = listener
        await this.#sweep(draft, place)
        return
      }
      throw this.#error('other processes are opening it at the same time; try again')
    } catch (error) {
      if (this.#held === text) await this.release()
      throw error
    } finally {
      await rm(draft, { force: true })
      if (this.#held !== text) await listener?.close()
    }
  }

  /** Only looks. @throws {StoreError} ERR_MQTT_STORE_UNAVAILABLE a live process has it; the message names it */
  async check(): Promise<void> {
    const found = await readText(this.#path)
    const held = found === undefined ? undefined : await this.#refusal(found, await findPlace())
    if (held !== undefined && (await readText(this.#path)) === found) throw held
  }

  /** Gives it up, if it is still ours. */
  async release(): Promise<void> {
    const held = this.#held
    const listener = this.#listener
    this.#held = undefined
    this.#listener = undefined
    try {
      if (held !== undefined && (await readText(this.#path)) === held) {
        await rm(this.#path, { force: true })
      }
    } finally {
      // After the lock: nobody finds one whose owner only seems to be gone.
      await listener?.close()
    }
  }

  /**
   * Removes a lock that was found stale, and no other that came in its place meanwhile: only who has a claim on
   * that very lock removes it. A claim that a dead process left is removed in the same way.
   */
  async #removeStale(path: string, found: string, draft: string, place: Place): Promise<void> {
    const digest = createHash('sha256').update(found).digest('hex').slice(0, 16)
    const claim = `${path}.${digest}`
    if (!(await linkNew(draft, claim))) {
      const other = await readText(claim)
      if (other !== undefined && (await this.#refusal(other, place)) === undefined) {
        await this.#removeStale(claim, other, draft, place)
      }
      return
    }
    try {
      if ((await readText(path)) !== found) return
      await this.#removeSocket(found)
      await rm(path, { force: true })
    } finally {
      await rm(claim, { force: true })
    }
  }

  /**
   * Removes what those left who ended while they took the lock. Nobody can have it meanwhile: whose draft is gone
   * makes no lock of it, so that no socket is removed which a lock names.
   */
  async #sweep(draft: string, place: Place): Promise<void> {
    for (const name of await readdir(this.#folder)) {
      const path = join(this.#folder, name)
      if (!DRAFT.test(name) || path === draft) continue
      // What cannot be read is of another user, who may live.
      const text = await readText(path).catch(() => undefined)
      if (text === undefined || (await this.#refusal(text, place)) !== undefined) continue
      await rm(path, { force: true })
      await this.#removeSocket(text)
    }
  }

  async #removeSocket(text: string): Promise<void> {
    const socket = parse(text)?.socket
    if (isSocketName(socket)) await rm(join(this.#folder, socket), { force: true })
  }

  /** @returns why a lock is to be believed; undefined when its owner is gone */
  async #refusal(text: string, place: Place): Promise<StoreError | undefined> {
    const owner = parse(text)
    const life = owner === undefined ? 'gone' : await lifeOf(owner, this.#folder, place)
    if (owner === undefined || life === 'gone') return undefined
    const { pid } = owner
    if (life === 'unknown') {
      return this.#error(
        `process ${pid} of another container, or of another namespace of process numbers, has locked it and has no socket that could be asked whether it lives; end that one, and if there is none, remove the file "${this.#path}"`,
      )
    }
    if (isOfThisProcess(text, place)) {
      return this.#error(`this process (pid ${pid}) has it open already`)
    }
    const where = isElsewhere(owner, place)
      ? ', in another container or namespace of process numbers'
      : ''
    return this.#error(
      `process ${pid} has it open (boot "${owner.bootId}", start ${owner.startTime}${where}); end that one, or give each its own folder`,
    )
  }

  /** Whether a lock of this process is of a thread that is gone: its sockets end with it, their files not on Deno. */
  async #isOfEndedThread(text: string): Promise<boolean> {
    const { thread = threadId, socket } = parse(text) ?? {}
    if (thread === threadId || !isSocketName(socket)) return false
    const answer = await ask(this.#folder, socket)
    return answer === 'absent' || answer === 'refused'
  }

  #error(why: string): StoreError {
    return new StoreError(
      'ERR_MQTT_STORE_UNAVAILABLE',
      `Cannot open the outbox in "${this.#folder}": ${why}`,
    )
  }
}

/** Makes a file, with its content, in one step. @returns false when there is one, or the draft was swept up */
async function linkNew(draft: string, path: string): Promise<boolean> {
  try {
    await link(draft, path)
    return true
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'EEXIST' || code === 'ENOENT') return false
    throw error
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

async function lifeOf(owner: Owner, folder: string, place: Place): Promise<Life> {
  const answer = isSocketName(owner.socket) ? await ask(folder, owner.socket) : 'unknown'
  if (answer === 'listening') return 'alive'
  // Also of a copy of the folder, whose socket nobody has.
  if (answer === 'refused' || owner.bootId !== place.bootId) return 'gone'
  // A process that comes to its end by itself takes its socket with it.
  if (isElsewhere(owner, place)) return answer === 'absent' ? 'gone' : 'unknown'
  try {
    process.kill(owner.pid, 0)
  } catch (error) {
    // EPERM: it is there and belongs to somebody else.
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return 'gone'
  }
  const start = (await startTime(owner.pid)) ?? owner.startTime
  return start === owner.startTime ? 'alive' : 'gone'
}

/** Whether a lock that is believed is that of this process. */
function isOfThisProcess(text: string, place: Place): boolean {
  const owner = parse(text)
  return owner?.pid === process.pid && !isElsewhere(owner, place)
}

/** Whether its process number means nothing here. */
function isElsewhere({ namespace = '' }: Owner, place: Place): boolean {
  return namespace !== '' && place.namespace !== '' && namespace !== place.namespace
}

async function findPlace(): Promise<Place> {
  return { bootId: await bootId(), namespace: await findNamespace() }
}

async function findNamespace(): Promise<string> {
  try {
    return await readlink('/proc/self/ns/pid')
  } catch {
    // Another system, or a /proc that is not of this namespace, or that may not be read.
    return ''
  }
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
