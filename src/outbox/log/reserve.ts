// A file of real bytes that is given up on a full disk, so that what settles messages can still be recorded:
// without it the disk would stay full for ever. Rule: while it is gone nothing is added, and it is made
// again before something is. Its bytes are no zeros, which some file systems would not store.

import { StoreError } from '../../errors.ts'
import { type Files, withFile } from './files.ts'

/** Its name in the folder. */
export const RESERVE_NAME = 'reserve'
const CHUNK_BYTES = 65_536

/** The reserve of one outbox. */
export class Reserve {
  readonly #files: Files
  readonly #sizeBytes: number
  #there = false

  /** @param sizeBytes how much it sets aside; 0 for none */
  constructor(files: Files, sizeBytes: number) {
    this.#files = files
    this.#sizeBytes = sizeBytes
  }

  /** Whether something may be added. */
  get there(): boolean {
    return this.#there
  }

  /** Makes it, unless it is there. @throws {StoreError} ERR_MQTT_STORE_FULL there is no room for it */
  async make(): Promise<void> {
    if (this.#there) return
    if (this.#sizeBytes > 0 && !(await this.#whole())) await this.#write()
    this.#there = true
  }

  /** Gives its room back. @returns whether there was any */
  async free(): Promise<boolean> {
    this.#there = false
    if (!(await this.#files.list()).includes(RESERVE_NAME)) return false
    await this.#files.remove(RESERVE_NAME)
    await this.#files.syncFolder()
    return true
  }

  async #whole(): Promise<boolean> {
    if (!(await this.#files.list()).includes(RESERVE_NAME)) return false
    const size = await withFile(this.#files, RESERVE_NAME, false, (file) => file.size())
    if (size >= this.#sizeBytes) return true
    await this.#files.remove(RESERVE_NAME)
    return false
  }

  async #write(): Promise<void> {
    const length = Math.min(CHUNK_BYTES, this.#sizeBytes)
    const chunk = new Uint8Array(length)
    for (let i = 0; i < length; i += 1) chunk[i] = (i * 2_654_435_761) >>> 13
    const file = await this.#files.open(RESERVE_NAME, true)
    try {
      for (let at = 0; at < this.#sizeBytes; at += CHUNK_BYTES) {
        await file.write(chunk.subarray(0, Math.min(CHUNK_BYTES, this.#sizeBytes - at)), at)
      }
      await file.sync()
    } catch (error) {
      await file.close()
      await this.#files.remove(RESERVE_NAME)
      throw error instanceof StoreError && error.code === 'ERR_MQTT_STORE_FULL'
        ? new StoreError(
            'ERR_MQTT_STORE_FULL',
            `Cannot store more: the disk is full up to the ${this.#sizeBytes} bytes that are kept for what makes room; what is stored is still sent`,
            { cause: error },
          )
        : error
    }
    await file.close()
  }
}
