// Writes PUBLISH packets into the buffer of a connection, with the topic aliases that the server allows.
// Rule: whoever calls has checked the limits; what is written is on its way. §3.3, §3.3.2.3.4

import { type PublishHeader, publishSize, writePublishHeader } from '../codec/encode.ts'
import { encodeUtf8, writeUtf8 } from '../codec/utf8.ts'
import { OutboundAliases } from './aliases.ts'
import { ALIAS_BYTES } from './constants.ts'
import type { Link } from './link.ts'

/** Writes what one connection carries: topic aliases begin anew with the next. [MQTT-3.3.2-7] */
export class PublishWriter {
  readonly #link: Link
  readonly #aliases: OutboundAliases | undefined
  /** The topic of the message before, and its bytes once it has come again. */
  #topic = ''
  #topicText: Uint8Array | undefined

  /** @param most how many aliases we want to use */
  constructor(link: Link, most: number) {
    this.#link = link
    const limit = Math.min(link.limits.topicAliasMaximum, most)
    if (limit > 0) this.#aliases = new OutboundAliases(limit)
  }

  /** @param owned Whether nobody changes the payload any more, so that it need not be copied. */
  write(
    header: PublishHeader,
    topicBytes: number,
    payload: Uint8Array | string,
    payloadOffset: number,
    payloadLength: number,
    owned: boolean,
  ): void {
    const link = this.#link
    const { out, version } = link
    let alias = 0
    if (this.#aliases !== undefined) {
      const sizeBytes = publishSize(version, header, topicBytes, payloadLength, 0)
      if (sizeBytes + ALIAS_BYTES <= link.limits.maximumPacketSizeBytes) {
        alias = this.#aliases.use(header.topic)
        if (this.#aliases.known) topicBytes = 0
      }
    }
    link.packetsSent += 1
    const { topic } = header
    if (topic === this.#topic) this.#topicText ??= encodeUtf8(topic)
    else {
      this.#topic = topic
      this.#topicText = undefined
    }
    writePublishHeader(out, version, header, topicBytes, payloadLength, alias, this.#topicText)
    if (typeof payload === 'string') {
      out.reserve(payloadLength)
      out.length = writeUtf8(payload, out.bytes, out.length)
    } else out.append(payload, payloadOffset, payloadLength, owned)
  }
}
