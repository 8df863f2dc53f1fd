// What the log asks of a disk: one folder of files. Rule: every failure is a StoreError, with
// ERR_MQTT_STORE_FULL for a disk without room, and nothing is safe before it was synced; so a simulator
// can run the log on a disk that loses and tears whatever was not.

/** An open file. */
export interface LogFile {
  /** Its length in bytes. */
  size(): Promise<number>
  /** Writes all the bytes at an offset. After an error any part of them may be there. */
  write(bytes: Uint8Array, offset: number): Promise<void>
  /** Reads up to `length` bytes; fewer only where the file ends. */
  read(offset: number, length: number): Promise<Uint8Array>
  /** Resolves when everything that was written is safe from a loss of power. */
  sync(): Promise<void>
  close(): Promise<void>
}

/** One folder, which belongs to the log alone. */
export interface Files {
  /** The names of the files in it. */
  list(): Promise<readonly string[]>
  /** Opens a file for reading and writing. @param create whether it must be new, or must be there */
  open(name: string, create: boolean): Promise<LogFile>
  remove(name: string): Promise<void>
  /** Resolves when the names, new and removed, are safe from a loss of power. */
  syncFolder(): Promise<void>
}

/** Opens a file for one use, and closes it whatever comes of it. */
export async function withFile<T>(
  files: Files,
  name: string,
  create: boolean,
  use: (file: LogFile) => Promise<T>,
): Promise<T> {
  const file = await files.open(name, create)
  try {
    return await use(file)
  } finally {
    await file.close()
  }
}

/** CRC-32 of some bytes, going on from `seed`. */
export type Checksum = (bytes: Uint8Array, seed?: number) => number
