// How far an input was read, as a mark that is stored with each line: for a file which one it is and where the
// next line begins, for a pipe the number of the last line.
// Rule: what cannot be the same file as before is refused, and nothing is sent twice or left out by a guess.

import { createHash } from 'node:crypto'
import { fstatSync, read, readSync, type Stats } from 'node:fs'
import { promisify } from 'node:util'
import type { Mark } from '../../robust.node.ts'
import { UsageError } from '../usage-error.ts'
import type { Line, Start } from './lines.ts'

/** The names of the marks. */
const FILE_MARK = 'umqtt pub: file'
const PIPE_MARK = 'umqtt pub: pipe'

/** Bytes at the beginning of a file that tell it from another one. */
const HEAD_BYTES = 4_096

/** Bytes that are read from a file at a time. */
const CHUNK_BYTES = 65_536

const LINE_FEED = 10

/** What is stored of a file. */
interface FileMark {
  readonly device: number
  readonly inode: number
  /** How many bytes of its beginning were looked at, and their hash. */
  readonly headBytes: number
  readonly head: string
  readonly offset: number
  readonly line: number
  /** Where its last line ended when reading began: one that was read to there was read whole. */
  readonly end: number
  readonly topic: string
}

/** Reads the marks of an outbox. */
export type ReadMark = (name: string) => Promise<Uint8Array | undefined>

/** An input that is read on where it was left. */
export interface Input {
  readonly start: Start
  /** The mark of a line; without one, the input cannot be resumed. */
  markOf(line: Line): Mark | undefined
}

/** A file is not what it was. */
export class ChangedFileError extends Error {
  override readonly name = 'ChangedFileError'
}

/** What `resumeFile` is asked. */
export interface FileRequest {
  readonly descriptor: number
  readonly topic: string
  /** Whether what is stored of an earlier run does not count. */
  readonly restart: boolean
}

/** A folder would be read as if nothing were in it. @throws {UsageError} standard input is one */
export function checkInput(descriptor: number): void {
  if (statsOf(descriptor)?.isDirectory() !== true) return
  throw new UsageError('Cannot read standard input: it is a folder; write < FILE')
}

/** Whether standard input is a file whose bytes can be read again. */
export function isFile(descriptor: number): boolean {
  return statsOf(descriptor)?.isFile() === true
}

function statsOf(descriptor: number): Stats | undefined {
  try {
    return fstatSync(descriptor)
  } catch {
    // It is closed.
    return undefined
  }
}

/**
 * Finds where a file is to be read on.
 * @throws {ChangedFileError} it is not as it was, or another one was left in the middle
 */
export async function resumeFile(readMark: ReadMark, request: FileRequest): Promise<Input> {
  const { descriptor, topic, restart } = request
  const stats = fstatSync(descriptor)
  const stored = await readMark(FILE_MARK)
  const mark = stored && (JSON.parse(new TextDecoder().decode(stored)) as FileMark)
  const start =
    mark === undefined || restart ? { offset: 0, line: 0 } : placeIn(mark, stats, request)
  const headBytes = Math.min(HEAD_BYTES, stats.size)
  const who = {
    device: stats.dev,
    inode: stats.ino,
    headBytes,
    head: hashOf(descriptor, headBytes),
    end: lastLineEnd(descriptor, stats.size),
  }
  return {
    start,
    markOf: ({ number, endsAt }) => {
      const value: FileMark = { ...who, offset: endsAt, line: number, topic }
      return { name: FILE_MARK, value: JSON.stringify(value) }
    },
  }
}

function placeIn(mark: FileMark, stats: Stats, { descriptor, topic }: FileRequest): Start {
  const { offset, line, headBytes } = mark
  const where = `line ${line}, byte ${offset}`
  const isSame = mark.device === stats.dev && mark.inode === stats.ino
  if (isSame && mark.topic === topic) {
    if (stats.size < offset) {
      throw new ChangedFileError(
        `Cannot go on with the file: it has ${stats.size} bytes, and was read to ${where}. ${ADVICE}`,
      )
    }
    const isCut =
      offset > 0 &&
      offset < stats.size &&
      !endsLineAt(descriptor, offset) &&
      !endsLineAt(descriptor, offset + 1)
    if (isCut || hashOf(descriptor, headBytes) !== mark.head) {
      throw new ChangedFileError(
        `Cannot go on with the file: it was read to ${where}, and is another one now. ${ADVICE}`,
      )
    }
    // The last line had no end then, and has one now.
    const isEndedSince = offset > 0 && !endsLineAt(descriptor, offset) && offset < stats.size
    return { offset: isEndedSince ? offset + 1 : offset, line }
  }
  if (
    !isSame &&
    headBytes > 0 &&
    stats.size >= offset &&
    hashOf(descriptor, headBytes) === mark.head
  ) {
    throw new ChangedFileError(
      `Cannot tell where to go on: the file begins like one that was read to ${where}, and is a copy. ${ADVICE}`,
    )
  }
  if (offset < mark.end) {
    const what = isSame ? `for topic "${mark.topic}"` : 'of another file'
    throw new ChangedFileError(
      `Cannot begin with the file: the outbox was fed to ${where} ${what}, which is to be finished first. ${ADVICE}`,
    )
  }
  return { offset: 0, line: 0 }
}

const ADVICE = 'Use --restart to send all of it, or another outbox'

/** Where the last line ends, without the end of a line and what is blank behind it. */
function lastLineEnd(descriptor: number, sizeBytes: number): number {
  for (let end = sizeBytes; end > 0;) {
    const start = Math.max(0, end - HEAD_BYTES)
    const bytes = bytesOf(descriptor, start, end - start)
    let last = bytes.length
    while (last > 0 && bytes[last - 1] === LINE_FEED) last -= 1
    if (last > 0) return start + last
    end = start
  }
  return 0
}

/** Whether a byte is a line feed: that before an offset. */
function endsLineAt(descriptor: number, offset: number): boolean {
  return bytesOf(descriptor, offset - 1, 1)[0] === LINE_FEED
}

function hashOf(descriptor: number, length: number): string {
  return createHash('sha256')
    .update(bytesOf(descriptor, 0, length))
    .digest('base64url')
}

function bytesOf(descriptor: number, position: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length)
  let done = 0
  while (done < length) {
    const count = readSync(descriptor, bytes, done, length - done, position + done)
    if (count === 0) break
    done += count
  }
  return bytes.subarray(0, done)
}

const readInto = promisify(read)

/**
 * The bytes of a file from an offset to its end.
 * @throws {ChangedFileError} it became shorter than it was at first
 */
export async function* bytesFrom(descriptor: number, offset: number): AsyncGenerator<Uint8Array> {
  const { size } = fstatSync(descriptor)
  for (let at = offset; ;) {
    const bytes = new Uint8Array(CHUNK_BYTES)
    const { bytesRead } = await readInto(descriptor, bytes, 0, CHUNK_BYTES, at)
    if (bytesRead === 0) {
      const left = fstatSync(descriptor).size
      // Files of the system say 0, or a page, whatever they have.
      if (at >= size && left >= size) return
      throw new ChangedFileError(
        `Cannot read the file to its end: it had ${Math.max(at, size)} bytes and has ${left} now; it was cut while it was read`,
      )
    }
    at += bytesRead
    yield bytes.subarray(0, bytesRead)
  }
}

/** A pipe: its lines are counted over all runs. */
export async function resumePipe(readMark: ReadMark, restart: boolean): Promise<Input> {
  const stored = restart ? undefined : await readMark(PIPE_MARK)
  const line = stored === undefined ? 0 : Number(new TextDecoder().decode(stored))
  return {
    start: { offset: 0, line },
    markOf: ({ number }) => ({ name: PIPE_MARK, value: String(number) }),
  }
}
