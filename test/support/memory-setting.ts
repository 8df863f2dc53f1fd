// A setting for the contract of transports without sockets: a memory pair for each dial, with a step for each turn of
// the event loop.

import { TransportPeer } from '../../src/testing/transport-peer.ts'
import type { TransportSetting } from '../../src/testing/transport-setting.ts'
import { parseServer } from '../../src/transport/address.ts'
import { type MemoryPair, memoryPair } from '../../src/transport/memory.ts'
import { OPTIONS, Queue } from './peers.ts'

const DIALLING = { accept: 1883, refuse: 1884, ignore: 1885 } as const

/**
 * A pair for each dial; the port says what becomes of it.
 * @param pieceBytes the most that the client gets in a step
 */
export function memorySetting(pieceBytes = 20_011): TransportSetting {
  const peers = new Queue<MemoryPeer>()
  const at = (port: number): ReturnType<typeof parseServer> => parseServer(`memory:${port}`)
  return {
    dial: (address, handler, options) => {
      const dialling =
        address.port === DIALLING.refuse
          ? 'refuse'
          : address.port === DIALLING.ignore
            ? 'ignore'
            : 'accept'
      const pair = memoryPair({ dialling, schedule: (step) => setImmediate(step) })
      pair.toPeer.pieceBytes = 10_007
      pair.toClient.pieceBytes = pieceBytes
      pair.peer.onOpen = () => peers.put(new MemoryPeer(pair))
      return pair.dial(address, handler, options)
    },
    options: OPTIONS,
    address: at(DIALLING.accept),
    refusedAddress: at(DIALLING.refuse),
    silentAddress: at(DIALLING.ignore),
    accept: () => peers.take(),
    close: () => Promise.resolve(),
  }
}

class MemoryPeer extends TransportPeer {
  readonly #pair: MemoryPair

  constructor(pair: MemoryPair) {
    super()
    this.#pair = pair
    pair.peer.onData = (bytes) => this.arrived(bytes)
    pair.peer.onEnd = () => this.finished()
  }

  get unsentBytes(): number {
    return this.#pair.toClient.waitingBytes
  }

  write(bytes: Uint8Array): void {
    this.#pair.peer.write(bytes)
  }

  pause(): void {
    this.#pair.toPeer.stalled = true
  }

  resume(): void {
    this.#pair.toPeer.stalled = false
  }

  end(): void {
    this.#pair.peer.close()
  }

  reset(): void {
    this.#pair.peer.destroy()
  }
}
