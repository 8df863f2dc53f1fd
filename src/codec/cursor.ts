// What a layout sees of a packet, in either direction: one that is read, or one that is written.
// Rule: a field is given with its value and answers with its value. A Writer puts down what it is
// given; a Reader ignores that and answers with what is there. So each packet is laid out once.

import type { Packet, ProtocolVersion } from './packets.ts'
import type { TextFault, TopicSource } from './utf8.ts'

/** Tells what is wrong with a text; undefined stands for one that is ill-formed. */
export type TextRule = (text: string | undefined) => TextFault | undefined

export interface Cursor {
  /** The packet type, 0 to 15. */
  readonly type: number
  version: ProtocolVersion
  /** The packet, as a set of `carriers.ts`: as sent by either side, or by the one that can be here. */
  readonly carriers: number
  /** The lower half of the first byte. §2.1.3 */
  flags: number
  /** An unsigned integer of 1, 2 or 4 bytes, the highest first. §1.5.2, §1.5.3 */
  number(sizeBytes: number, value: number): number
  /** A Variable Byte Integer. §1.5.5 */
  varint(value: number): number
  /** A UTF-8 Encoded String and the rule of its kind. §1.5.4 */
  string(name: string, text: string, rule?: TextRule): string
  /** Binary Data. §1.5.6 */
  binary(bytes: Uint8Array): Uint8Array
  /** Everything to the end. */
  rest(bytes: Uint8Array): Uint8Array
  /** Whether there is more to come: to be written as told, to be read as there is. */
  more(some: unknown): boolean
  /** Begins a part that has its length before it. */
  open(): number
  /** Ends the part; `mark` is what `open` gave. */
  close(mark: number): void
  /**
   * Ends it: the packet is malformed (0x81), or is one that is not allowed.
   *
   * @param field what is wrong, and
   * @param state what it is: `field` "packetId" `state` "0"
   * @param clause a statement, such as `3.3.1-4`, or a section, such as `2.1.4`, of MQTT 5.0; after a
   *   space, that of MQTT 3.1.1, if it is another
   */
  fail(field: string, state: unknown, clause: string, reasonCode?: number): never
}

/** What a {@link Shortcut} sees of a decoder: where it stands, and what it has been told. */
export interface Place extends Pick<Cursor, 'version' | 'rest'> {
  /** The next byte to read, and where the packet ends once that is known. */
  at: number
  end: number
  /** Whether the beginning of the packet is elsewhere, and `at` in the middle of it. */
  readonly partial: boolean
  readonly maximumPacketSizeBytes: number
  readonly topics?: TopicSource
}

/**
 * Reads a packet that begins at `place.at` and moves `place` behind it, or gives undefined and has
 * changed nothing.
 */
export type Shortcut = (place: Place, bytes: Uint8Array) => Packet | undefined
