// A folder on this machine: its files as an engine wants them, and its one owner. Rule: what is made in it only
// its user may read, and every failure is a StoreError that says what to do. It knows no engine.

import { randomBytes } from 'node:crypto'
import { constants } from 'node:fs'
import { type FileHandle, mkdir, open, readdir, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import * as zlib from 'node:zlib'
import { StoreError } from '../errors.ts'
import { FILES_POLL_MS, FILES_WAIT_MS } from './constants.ts'
import { crc32 } from './crc32.ts'
import { isCrowded, isFullDisk } from './file-errors.ts'
import type { FileLock } from './file-lock.ts'
import type { Checksum, Files, LogFile } from './log/files.ts'
import { ID_BYTES } from './log/format.ts'
import { RESERVE_NAME } from './log/reserve.ts'

const { O_RDWR, O_CREAT, O_EXCL } = constants
const FILE_MODE = 0o600
const FOLDER_MODE = 0o700

const NOT_WRITABLE = 'make it writable for this user, or choose another folder'

/** What the system says to a hard link where there are none. Before it a file was made there: the folder is writable. */
const LINKLESS: ReadonlySet<unknown> = /* @__PURE__ */ new Set(['EPERM', 'ENOTSUP', 'ENOSYS'])
const NO_LINKS =
  'the lock is a hard link, which this file system does not have: choose a folder on another one'

/** What to do about it, by the code of the system. */
const ADVICE: Readonly<Record<string, string>> = {
  EACCES: NOT_WRITABLE,
  EPERM: NOT_WRITABLE,
  EROFS: NOT_WRITABLE,
  ENOENT: 'it was removed, or is a link to what is not there, such as a disk that is not mounted',
  ENOTDIR: 'there is a file where the folder or one above it should be: choose another folder',
  ENAMETOOLONG: 'choose a shorter name',
  EMFILE: 'this process has too many files open',
  EFBIG:
    'let this process write larger files (ulimit -f), or give the store smaller segmentBytes and reserveBytes',
}

/** The platform's own is ten times faster for large pieces; Node has it from 20.15 and 22.2. */
const native = (zlib as { readonly crc32?: Checksum }).crc32

/** CRC-32, by whoever is faster. */
export const checksum: Checksum = (bytes, seed = 0) =>
  native === undefined || bytes.length < 256 ? crc32(bytes, seed) : native(bytes, seed)

/** An id that no other outbox has. */
export function newId(): Uint8Array {
  return randomBytes(ID_BYTES)
}

/** Makes a folder, if it is not there, and takes its lock. @throws {StoreError} it cannot be had */
export function takeFolder(folder: string, lock: FileLock): Promise<void> {
  return attempt(`open the outbox in "${folder}"`, async () => {
    await makeFolder(folder)
    try {
      await lock.take()
    } catch (error) {
      if (!isFullDisk(error)) throw error
      // Nobody alive has it, and not even a lock has room.
      await rm(join(folder, RESERVE_NAME), { force: true })
      await lock.take()
    }
  })
}

const NO_FOLDER = /^Cannot open the outbox:/

/** The error of what knows no folder, with the one that it is about: who has many has to know which. */
export function inFolder(folder: string, error: unknown): unknown {
  if (!(error instanceof StoreError && NO_FOLDER.test(error.message))) return error
  const { code, message, cause, position } = error
  const text = message.replace(NO_FOLDER, () => `Cannot open the outbox in "${folder}":`)
  return new StoreError(code, text, { cause, ...(position !== undefined && { position }) })
}

/**
 * Makes a folder and those above it, where they are not there. Node's own way of that never ends where nothing can
 * be made, as in /proc.
 */
async function makeFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder, { mode: FOLDER_MODE })
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    // Whatever is there says by itself if it is no folder.
    if (code === 'EEXIST') return
    const parent = dirname(folder)
    if (code !== 'ENOENT' || parent === folder) throw error
    await makeFolder(parent)
    await mkdir(folder, { mode: FOLDER_MODE }).catch(unlessThere)
  }
}

/** Somebody else may have made it meanwhile. */
function unlessThere(error: unknown): void {
  if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
}

/**
 * Does something with files, and says what failed as a {@link StoreError}. What finds too many files open has done
 * nothing yet, and is done again.
 */
async function attempt<T>(
  what: string,
  action: () => Promise<T>,
  waitMs = FILES_WAIT_MS,
): Promise<T> {
  try {
    return await action()
  } catch (cause) {
    if (cause instanceof StoreError || !(cause instanceof Error)) throw cause
    const { code, syscall } = cause as NodeJS.ErrnoException
    if (isCrowded(cause) && waitMs > 0) {
      await new Promise((go) => setTimeout(go, FILES_POLL_MS))
      return attempt(what, action, waitMs - FILES_POLL_MS)
    }
    if (isFullDisk(cause)) {
      throw new StoreError('ERR_MQTT_STORE_FULL', `Cannot ${what}: the disk is full`, { cause })
    }
    const isLinkless = syscall === 'link' && LINKLESS.has(code)
    const advice = isLinkless ? NO_LINKS : ADVICE[code ?? '']
    const text = `Cannot ${what}: ${cause.message}${advice === undefined ? '' : `; ${advice}`}`
    throw new StoreError('ERR_MQTT_STORE_UNAVAILABLE', text, { cause })
  }
}

/** A folder on this machine as the log wants it. */
export class FolderFiles implements Files {
  readonly #folder: string

  constructor(folder: string) {
    this.#folder = folder
  }

  list(): Promise<readonly string[]> {
    return attempt(`read "${this.#folder}"`, () => readdir(this.#folder))
  }

  open(name: string, create: boolean): Promise<LogFile> {
    const path = join(this.#folder, name)
    const flags = create ? O_RDWR | O_CREAT | O_EXCL : O_RDWR
    return attempt(
      `open "${path}"`,
      async () => new FolderFile(path, await open(path, flags, FILE_MODE)),
    )
  }

  remove(name: string): Promise<void> {
    const path = join(this.#folder, name)
    return attempt(`remove "${path}"`, () => rm(path))
  }

  syncFolder(): Promise<void> {
    // Windows opens no folder as a file, and writes names down with the file.
    if (process.platform === 'win32') return Promise.resolve()
    return attempt(`sync "${this.#folder}"`, async () => {
      const folder = await open(this.#folder)
      try {
        await folder.sync()
      } finally {
        await folder.close()
      }
    })
  }
}

class FolderFile implements LogFile {
  readonly #path: string
  readonly #handle: FileHandle

  constructor(path: string, handle: FileHandle) {
    this.#path = path
    this.#handle = handle
  }

  async size(): Promise<number> {
    return attempt(`read "${this.#path}"`, async () => (await this.#handle.stat()).size)
  }

  write(bytes: Uint8Array, offset: number): Promise<void> {
    return attempt(`write "${this.#path}"`, async () => {
      for (let done = 0; done < bytes.length;) {
        const rest = bytes.length - done
        done += (await this.#handle.write(bytes, done, rest, offset + done)).bytesWritten
      }
    })
  }

  read(offset: number, length: number): Promise<Uint8Array> {
    return attempt(`read "${this.#path}"`, async () => {
      const bytes = new Uint8Array(length)
      for (let done = 0; done < length;) {
        const { bytesRead } = await this.#handle.read(bytes, done, length - done, offset + done)
        if (bytesRead === 0) return bytes.subarray(0, done)
        done += bytesRead
      }
      return bytes
    })
  }

  sync(): Promise<void> {
    return attempt(`sync "${this.#path}"`, () => this.#handle.datasync())
  }

  close(): Promise<void> {
    return attempt(`close "${this.#path}"`, () => this.#handle.close())
  }
}
