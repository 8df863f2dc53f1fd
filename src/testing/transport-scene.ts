// One check of a transport as it runs: the setting that was made for it, the clients that it dials, and the bytes
// that it sends. Knows the words of the contract, and none of its rules.

import type { ServerAddress } from '../transport/transport.ts'
import type { TransportPeer } from './transport-peer.ts'
import { Recorder } from './transport-recorder.ts'
import type { TransportSetting, TransportTraits } from './transport-setting.ts'

/** What a client reads into when a setting has no options: as much as the package's own clients do. */
const READ_BUFFER_BYTES = 65_536

/** Both ends of an open connection. */
export interface Connected {
  readonly client: Recorder
  readonly peer: TransportPeer
}

/** What a check is given. */
export class Scene {
  readonly traits: TransportTraits
  readonly setting: TransportSetting

  constructor(traits: TransportTraits, setting: TransportSetting) {
    this.traits = traits
    this.setting = setting
  }

  /** A client that has begun to dial. */
  dial(address: ServerAddress = this.setting.address): Recorder {
    const { dial, options = { readBuffer: new Uint8Array(READ_BUFFER_BYTES) } } = this.setting
    return new Recorder({ dial, address, options })
  }

  /** A client that is open, and its peer. */
  async connected(client: Recorder = this.dial()): Promise<Connected> {
    const [peer] = await Promise.all([this.setting.accept(), client.until(() => client.isOpen)])
    return { client, peer }
  }
}

/** Bytes that repeat so late that a gap or an exchange of pieces shows. */
export function distinctBytes(length: number): Uint8Array {
  const bytes = new Uint8Array(length)
  for (let i = 0; i < length; i++) bytes[i] = i ^ (i >>> 8) ^ (i >>> 16)
  return bytes
}
