// A folder on this machine that counts what is made safe in it: every `fdatasync` that the log asks for goes through
// here. It changes nothing, and knows neither the log nor a message.

import { FolderFiles } from '../../src/outbox/folder.ts'
import type { Files, LogFile } from '../../src/outbox/log/files.ts'

export class CountedFiles implements Files {
  /** Told after each sync of a file, when the bytes are on the disk. */
  onSynced: () => void = () => undefined
  /** Syncs of files until now. */
  syncs = 0
  readonly #files: FolderFiles

  constructor(folder: string) {
    this.#files = new FolderFiles(folder)
  }

  list(): Promise<readonly string[]> {
    return this.#files.list()
  }

  async open(name: string, create: boolean): Promise<LogFile> {
    const file = await this.#files.open(name, create)
    return {
      size: () => file.size(),
      write: (bytes, offset) => file.write(bytes, offset),
      read: (offset, length) => file.read(offset, length),
      sync: async () => {
        await file.sync()
        this.syncs += 1
        this.onSynced()
      },
      close: () => file.close(),
    }
  }

  remove(name: string): Promise<void> {
    return this.#files.remove(name)
  }

  syncFolder(): Promise<void> {
    return this.#files.syncFolder()
  }
}
