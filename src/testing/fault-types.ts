// What a fault proxy is told, and what it tells: the data of its interface.
// Types alone, and none of a platform, so that they can be read where Node's types are absent.

import type { Packet } from '../codec/packets.ts'

/** Which way bytes go. */
export type Direction = 'to-server' | 'to-client'

/** A packet that came by. */
export interface PassedPacket {
  /** Connections count from 1. */
  readonly connection: number
  readonly direction: Direction
  readonly packet: Packet
  /** Whether it went on to the other side; false: the link was cut before its end, or that side is gone. */
  readonly forwarded: boolean
}

/** Where a link is cut: at a packet, or at a byte. */
export type CutPoint =
  | {
      readonly direction: Direction
      /** `before`: nothing of the packet arrives; `after`: all of it does, and nothing more. */
      readonly when: 'before' | 'after'
      /** One of `PacketType` of `umqtt/codec`. */
      readonly type: Packet['type']
      /** Which one of this type, counted from now on over all connections, from 1. @default 1 */
      readonly nth?: number
    }
  | {
      readonly direction: Direction
      /** How many bytes of a connection pass, counted from its beginning, 0 and up. */
      readonly byte: number
    }

/** The server behind a proxy. */
export interface ProxyTarget {
  /** Name or address. @default "127.0.0.1" */
  readonly host?: string
  /** 1 to 65,535. */
  readonly port: number
}

/** Settings of a `FaultProxy`. */
export interface FaultProxyOptions {
  /**
   * Packets that `record` keeps, 1 and up; of more, the older half is forgotten.
   * @default 100,000 — more than a test sends, and bounded where one runs for days
   */
  readonly recordMax?: number
}
