// A Unix socket in a folder, by which a process shows that it lives. Rule: the kernel answers for the process, whatever
// namespace the two are in: it accepts while the process is there, stopped ones too, and refuses as soon as it
// is not. Nothing is ever said over it. It is for Linux: elsewhere no two processes have one number.

import { chmod, open, rm } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { join } from 'node:path'
import { isCrowded, isFullDisk } from './file-errors.ts'

const FILE_MODE = 0o600
/** The bytes of a path that every kernel takes for a socket; Linux has room for 107. */
const PATH_BYTES = 103
const NAME = /^lock-[0-9a-f]{8}$/
/** What the kernel says of a socket; `unknown`: it does not say. */
export type Answer = 'listening' | 'refused' | 'absent' | 'unknown'

const ANSWERS: Readonly<Record<string, Answer>> = {
  // Its queue is full: a process that was stopped.
  EAGAIN: 'listening',
  // It was accepted, and ended by the other side before Bun told of it.
  ECONNRESET: 'listening',
  EPIPE: 'listening',
  // Bun says this of a full queue too, so that there it proves as little as a socket that is not there.
  ECONNREFUSED: 'Bun' in globalThis ? 'absent' : 'refused',
  ENOENT: 'absent',
}

/** A socket that others can ask. */
export interface Listener {
  readonly name: string
  /** Takes it away. */
  close(): Promise<void>
}

/** The name of a socket, by what tells locks apart. */
export function socketName(token: string): string {
  return `lock-${token.slice(0, 8)}`
}

/** Whether a lock names a socket of ours, and no other file. */
export function isSocketName(name: unknown): name is string {
  return typeof name === 'string' && NAME.test(name)
}

/** Listens, and keeps no process alive by it. @returns undefined where that cannot be done */
export async function listen(folder: string, name: string): Promise<Listener | undefined> {
  if (process.platform !== 'linux') return undefined
  const server = createServer((connection) => connection.destroy())
  const close = async (): Promise<void> => {
    // One that does not listen is told to the callback, and is closed all the same.
    await new Promise((resolve) => server.close(resolve))
    // By a short path it is not found when it closes.
    await rm(join(folder, name), { force: true })
  }
  try {
    await byShortPath(folder, name, async (path) => {
      await new Promise<void>((resolve, reject) => {
        // For all of its life: what fails after it listens, such as an accept, takes no answer away.
        server.on('error', reject)
        // Exclusive: the primary of a cluster would listen for its worker, and outlive it.
        server.listen({ path, exclusive: true }, resolve)
      })
    })
    server.unref()
    await chmod(join(folder, name), FILE_MODE)
    return { name, close }
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'EADDRINUSE') return undefined
    await close()
    // No room is for others to mend; any other failure says that this file system, or this platform, has no sockets.
    if (isFullDisk(error) || isCrowded(error)) throw error
    return undefined
  }
}

/** Asks whether anybody listens. */
export async function ask(folder: string, name: string): Promise<Answer> {
  if (process.platform !== 'linux') return 'unknown'
  try {
    return await byShortPath(folder, name, (path) => {
      return new Promise((resolve) => {
        const connection = connect({ path })
        connection.on('connect', () => {
          connection.destroy()
          resolve('listening')
        })
        connection.on('error', ({ code }: NodeJS.ErrnoException) =>
          resolve(ANSWERS[code ?? ''] ?? 'unknown'),
        )
        // Of no effect after the others, one of which comes first on every runtime that we know.
        connection.on('close', () => resolve('unknown'))
      })
    })
  } catch {
    // The folder cannot be opened, or the platform lets nobody connect: then nobody can be asked.
    return 'unknown'
  }
}

/** A path is too long for a socket sooner than for a file; that of an open folder never is. */
async function byShortPath<T>(
  folder: string,
  name: string,
  use: (path: string) => Promise<T>,
): Promise<T> {
  const path = join(folder, name)
  if (Buffer.byteLength(path) <= PATH_BYTES) return use(path)
  const handle = await open(folder)
  try {
    return await use(`/proc/self/fd/${handle.fd}/${name}`)
  } finally {
    await handle.close()
  }
}
