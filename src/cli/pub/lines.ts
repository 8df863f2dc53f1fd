// Lines of a stream of bytes, with where each one ends: what stands before that place was read and need not be
// read again. Bytes stay as they are; only the line feed is taken away.

/** The longest line, bytes: a quarter of what an outbox holds, and no packet of a sensible server is as long. */
export const LINE_BYTES_MAX = 16_777_216

const LINE_FEED = 10

/** A line is longer than what is held of one. */
export class LongLineError extends Error {
  override readonly name = 'LongLineError'
}

/** One line without its end. */
export interface Line {
  readonly payload: Uint8Array
  /** Its number, 1 and up. */
  readonly number: number
  /** The offset behind its end. */
  readonly endsAt: number
}

/** Where reading begins. */
export interface Start {
  /** Bytes that were read before. */
  readonly offset: number
  /** Lines that were read before. */
  readonly line: number
}

/**
 * Parts bytes into lines; the last one needs no end.
 * @throws {LongLineError} a line is longer than 16 MiB
 */
export async function* linesOf(
  chunks: AsyncIterable<Uint8Array>,
  start: Start,
): AsyncGenerator<Line> {
  let number = start.line
  let endsAt = start.offset
  let parts: Uint8Array[] = []
  let sizeBytes = 0
  for await (const chunk of chunks) {
    let at = 0
    for (;;) {
      const end = chunk.indexOf(LINE_FEED, at)
      const piece = chunk.subarray(at, end === -1 ? chunk.length : end)
      sizeBytes += piece.length
      if (sizeBytes > LINE_BYTES_MAX) {
        throw new LongLineError(`Line ${number + 1} is longer than ${LINE_BYTES_MAX} bytes`)
      }
      if (piece.length > 0) parts.push(piece)
      if (end === -1) break
      number += 1
      endsAt += sizeBytes + 1
      yield { payload: joined(parts), number, endsAt }
      parts = []
      sizeBytes = 0
      at = end + 1
    }
  }
  if (sizeBytes > 0) {
    yield { payload: joined(parts), number: number + 1, endsAt: endsAt + sizeBytes }
  }
}

/** A copy: the next chunk may come into the same memory. */
function joined(parts: readonly Uint8Array[]): Uint8Array {
  return Buffer.concat(parts)
}

/** Everything of a stream. */
export async function wholeOf(chunks: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const parts: Uint8Array[] = []
  for await (const chunk of chunks) parts.push(chunk)
  return Buffer.concat(parts)
}

/** The same stream, until a signal aborts: then its reason is thrown, whatever the stream waits for. */
export async function* until(
  signal: AbortSignal,
  chunks: AsyncIterable<Uint8Array | string>,
): AsyncGenerator<Uint8Array> {
  const iterator = chunks[Symbol.asyncIterator]()
  for (;;) {
    const next = await orAborted(signal, iterator.next())
    if (next.done) return
    yield typeof next.value === 'string' ? Buffer.from(next.value) : next.value
  }
}

/** What a promise gives, or the reason of a signal that aborts before. */
export async function orAborted<T>(signal: AbortSignal, promise: Promise<T>): Promise<T> {
  signal.throwIfAborted()
  let stop: () => void = () => undefined
  const aborted = new Promise<never>((_, reject) => {
    stop = () => reject(signal.reason as Error)
    signal.addEventListener('abort', stop)
  })
  // It may win after nobody looks any more.
  promise.catch(() => undefined)
  try {
    return await Promise.race([promise, aborted])
  } finally {
    signal.removeEventListener('abort', stop)
  }
}
