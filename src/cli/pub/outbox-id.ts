// Who an outbox on disk is: a session belongs to a client identifier, so the folder keeps the one that it was
// used with. Knows nothing of what else is in the folder.

import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { newClientId } from '../client-options.ts'
import { shown, UsageError } from '../usage-error.ts'

const FILE_NAME = 'client-id'
const FILE_MODE = 0o600
const FOLDER_MODE = 0o700

/**
 * The client identifier of an outbox.
 * @param given by the person; it is kept for the next time
 */
export function outboxClientId(folder: string, given: string | undefined): string {
  const path = join(folder, FILE_NAME)
  const kept = readKept(path)
  const id = given ?? kept ?? newClientId()
  if (id === kept) return id
  makeFolder(folder)
  try {
    keep(path, id)
  } catch (error) {
    const { message } = error as Error
    throw new Error(
      `Cannot keep the client identifier in ${shown(path)}: ${message}; make room and make it writable for this user, or name another folder`,
      { cause: error },
    )
  }
  return id
}

/** Whole or not at all: that of before is lost with no disk that is full. */
function keep(path: string, id: string): void {
  const fresh = `${path}.new`
  try {
    const file = openSync(fresh, 'w', FILE_MODE)
    try {
      writeSync(file, id)
      fsyncSync(file)
    } finally {
      closeSync(file)
    }
    renameSync(fresh, path)
  } catch (error) {
    rmSync(fresh, { force: true })
    throw error
  }
}

/** Makes the last folder of a path alone: what is missing above it is a slip of the pen. */
function makeFolder(folder: string): void {
  try {
    mkdirSync(folder, { mode: FOLDER_MODE })
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'EEXIST') return
    const why = code === 'ENOENT' ? 'the folder above it is not there' : (code ?? 'it failed')
    throw new UsageError(`Cannot make --outbox ${shown(folder)}: ${why}; name another folder`)
  }
}

/** Undefined when there is none, or when it was cut off while it was written. */
function readKept(path: string): string | undefined {
  try {
    const text = readFileSync(path, 'utf8')
    return text === '' ? undefined : text
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT') return undefined
    if (code === 'ENOTDIR')
      throw new UsageError(`Cannot use --outbox ${shown(dirname(path))}: it is no folder`)
    throw error
  }
}
