// A folder that is only read: what is written to it, made in it or removed from it, is so in memory alone. So a log
// is opened here by the same code as ever, and finds what it would find, and the folder stays as it is.

import { open, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { StoreError } from '../errors.ts'
import type { Files, LogFile } from './log/files.ts'

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such folder',
  ENOTDIR: 'it is a file; give the folder of an outbox',
  EACCES: 'you may not read it',
  EPERM: 'you may not read it',
}

/** The files of a folder, and what would become of them. */
export class ReadOnlyFiles implements Files {
  readonly #folder: string
  /** What is different here from the folder: bytes, or undefined for what is gone. */
  readonly #changed = new Map<string, Uint8Array | undefined>()

  constructor(folder: string) {
    this.#folder = folder
  }

  list(): Promise<readonly string[]> {
    return attempt(this.#folder, async () => {
      const names = new Set(await readdir(this.#folder))
      for (const [name, bytes] of this.#changed) {
        if (bytes === undefined) names.delete(name)
        else names.add(name)
      }
      return [...names]
    })
  }

  async open(name: string, create: boolean): Promise<LogFile> {
    if (create) this.#changed.set(name, new Uint8Array(0))
    const handle = this.#changed.has(name)
      ? undefined
      : await attempt(this.#folder, () => open(join(this.#folder, name), 'r'), name)
    const size = async (): Promise<number> =>
      this.#changed.get(name)?.length ?? (await handle?.stat())?.size ?? 0
    const read = async (offset: number, length: number): Promise<Uint8Array> => {
      const changed = this.#changed.get(name)
      if (changed !== undefined) return changed.slice(offset, offset + length)
      const bytes = new Uint8Array(length)
      let done = 0
      for (let count = -1; count !== 0 && done < length; done += count) {
        count = (await handle?.read(bytes, done, length - done, offset + done))?.bytesRead ?? 0
      }
      return bytes.subarray(0, done)
    }
    return {
      size,
      read: (offset, length) => attempt(this.#folder, () => read(offset, length)),
      write: async (bytes, offset) => {
        const before = await read(0, await size())
        const after = new Uint8Array(Math.max(before.length, offset + bytes.length))
        after.set(before)
        after.set(bytes, offset)
        this.#changed.set(name, after)
      },
      sync: () => Promise.resolve(),
      close: async () => handle?.close(),
    }
  }

  async remove(name: string): Promise<void> {
    this.#changed.set(name, undefined)
  }

  syncFolder(): Promise<void> {
    return Promise.resolve()
  }
}

/** Reads something of a folder, and says what failed as a {@link StoreError}. */
export async function attempt<T>(
  folder: string,
  action: () => Promise<T>,
  name?: string,
): Promise<T> {
  try {
    return await action()
  } catch (cause) {
    if (cause instanceof StoreError || !(cause instanceof Error)) throw cause
    const code = (cause as NodeJS.ErrnoException).code ?? ''
    const isGone = name !== undefined && code === 'ENOENT'
    const reason = isGone ? `"${name}" is gone` : (REASONS[code] ?? cause.message)
    throw new StoreError(
      'ERR_MQTT_STORE_UNAVAILABLE',
      `Cannot read the outbox in "${folder}": ${reason}`,
    )
  }
}
