// Takes off what MQTT over WebSocket is wrapped in: the HTTP of the beginning and the header of every frame, masked
// or not, of one direction or of both in the order in which they came. RFC 6455 §5.2, MQTT 5.0 §6
// Rule: what is in a frame is passed on as it comes, and no frame is held. What a packet is, is not known here.

import { joined } from './frames.ts'

/** What cannot be unpacked. */
export class WebSocketError extends Error {
  override readonly name = 'WebSocketError'
}

/** Of a request or an answer that begins a connection; servers take no more either. */
const HTTP_BYTES_MAX = 16_384
/** As much as tells HTTP. */
const HTTP_BYTES_MIN = 5
const OPENINGS = [/^GET [^]*\r\nupgrade: *websocket\r\n/i, /^HTTP\/1\.1 101 /]

/**
 * Whether it may be HTTP, as far as it goes. Of MQTT it would be a PUBACK with flags (table 2-2), and of WebSocket a
 * frame with a reserved bit and an opcode that is none.
 */
function isHttp(bytes: readonly number[]): boolean {
  const text = String.fromCharCode(...bytes.slice(0, HTTP_BYTES_MIN))
  return ['GET /', 'HTTP/'].some((http) => http.startsWith(text) || text.startsWith(http))
}

/** Opcodes: continuation and binary are data; close, ping and pong are not. */
const DATA: ReadonlySet<number> = new Set([0, 2])
const KNOWN: ReadonlySet<number> = new Set([...DATA, 8, 9, 10])
const TEXT = 1

/** Takes bytes of a connection and gives those of MQTT. */
export class WebSocketUnpacker {
  /** Of HTTP, or of the header of a frame. */
  #head: number[] = []
  /** Bytes of the frame that are still to come. */
  #left = 0
  #mask: readonly number[] | undefined
  #maskAt = 0
  #isData = false
  #offset = 0

  /** @throws {WebSocketError} the bytes end in a frame, or before the first */
  end(): void {
    if (this.#left === 0 && this.#head.length === 0) return
    throw new WebSocketError('The bytes end in a frame of WebSocket, or in the HTTP before it')
  }

  /** @throws {WebSocketError} it is no WebSocket, or not what MQTT goes over */
  *push(chunk: Uint8Array): Generator<Uint8Array, void> {
    for (let at = 0; at < chunk.length;) {
      if (this.#left === 0) {
        this.#head.push(chunk[at++] as number)
        this.#offset++
        if (isHttp(this.#head)) this.#readHttp()
        else this.#readHeader()
        continue
      }
      const part = chunk.subarray(at, at + this.#left)
      at += part.length
      this.#offset += part.length
      this.#left -= part.length
      if (this.#isData) yield this.#unmasked(part)
    }
  }

  #readHttp(): void {
    const head = this.#head
    if (head.length > HTTP_BYTES_MAX) throw this.#refusal('its HTTP has no end')
    // A line feed, and another one behind an empty line.
    if (head.length < HTTP_BYTES_MIN || head.at(-1) !== 10 || head.at(-3) !== 10) return
    const text = String.fromCharCode(...head)
    this.#head = []
    if (OPENINGS.some((opening) => opening.test(text))) return
    const [line = ''] = text.split('\r\n')
    throw this.#refusal(`${JSON.stringify(line.slice(0, 200))} opens no WebSocket`)
  }

  #readHeader(): void {
    const head = this.#head
    const [first = 0, second = 0, ...more] = head
    const kind = second & 127
    const lengthBytes = kind === 126 ? 2 : kind === 127 ? 8 : 0
    const maskBytes = second > 127 ? 4 : 0
    if (head.length < 2 || more.length < lengthBytes + maskBytes) return
    this.#head = []
    const opcode = first & 15
    if ((first & 0x70) !== 0) {
      const why = 'its frames are compressed, or something between has changed them'
      throw this.#refusal(`${why}; record without permessage-deflate`)
    }
    if (opcode === TEXT)
      throw this.#refusal('a frame is of text, and MQTT goes over binary ones alone [MQTT-6.0.0-1]')
    if (!KNOWN.has(opcode)) {
      throw this.#refusal(`there is no frame with the opcode ${opcode}`)
    }
    this.#isData = DATA.has(opcode)
    this.#left =
      lengthBytes === 0
        ? kind
        : more.slice(0, lengthBytes).reduce((length, byte) => length * 256 + byte, 0)
    this.#mask = maskBytes === 0 ? undefined : more.slice(lengthBytes)
    this.#maskAt = 0
  }

  #unmasked(part: Uint8Array): Uint8Array {
    const mask = this.#mask
    if (mask === undefined) return part
    const bytes = part.map((byte, index) => byte ^ (mask[(this.#maskAt + index) & 3] as number))
    this.#maskAt = (this.#maskAt + part.length) & 3
    return bytes
  }

  #refusal(why: string): WebSocketError {
    return new WebSocketError(
      `Cannot take the frames of WebSocket off at byte ${this.#offset}: ${why}`,
    )
  }
}

/**
 * The bytes without the frames that they are in; as they are where they begin as nothing of WebSocket does.
 * @param isAsked whether they are frames although no HTTP comes first
 * @param handleFound told once, before the first bytes, that there are frames
 * @throws {WebSocketError} they cannot be taken off
 */
export async function* withoutFrames(
  chunks: AsyncIterable<Uint8Array>,
  isAsked: boolean,
  handleFound: () => void,
): AsyncGenerator<Uint8Array, void> {
  let unpacker: WebSocketUnpacker | undefined
  let start: Uint8Array | undefined = new Uint8Array(0)
  let isFound = false
  for await (const chunk of chunks) {
    let bytes = chunk
    if (start !== undefined) {
      bytes = start = joined(start, chunk)
      const isWebSocket = isAsked || isHttp([...start.subarray(0, HTTP_BYTES_MIN)])
      if (isWebSocket && !isAsked && start.length < HTTP_BYTES_MIN) continue
      if (isWebSocket) unpacker = new WebSocketUnpacker()
      start = undefined
    }
    for (const part of unpacker?.push(bytes) ?? [bytes]) {
      if (unpacker !== undefined && !isFound) handleFound()
      isFound = true
      yield part
    }
  }
  // Too little to be told by: it is as it is.
  if (start !== undefined) yield start
  unpacker?.end()
}
