// A sound transport that is bent at one place: what it does to its handler, to its peer or at a call is exchanged, and
// the rest passes through. Knows what has happened on each connection, and none of the rules of the contract.

import type { TransportSetting } from '../../src/testing/transport-setting.ts'
import type {
  ServerAddress,
  Transport,
  TransportFactory,
  TransportHandler,
} from '../../src/transport/transport.ts'

/** One connection of a flawed transport: both of its sides, and what has happened to it. */
export class Bent {
  readonly address: ServerAddress
  /** The handler of the check. */
  readonly handler: TransportHandler
  isOpen = false
  isPaused = false
  isClosing = false
  isDestroyed = false
  /** Whether a write is under way. */
  isSending = false
  /** Whether the dial has had the time in which it is answered or refused. */
  isLate = false
  isOver = false
  #inner: Transport | undefined

  constructor(address: ServerAddress, handler: TransportHandler) {
    this.address = address
    this.handler = handler
  }

  /** The sound transport. */
  get inner(): Transport {
    if (this.#inner === undefined) throw new Error('The factory has not returned')
    return this.#inner
  }

  set inner(inner: Transport) {
    this.#inner = inner
  }
}

/** Where a transport is bent; what is absent is sound. */
export interface Bends {
  /** While the factory runs. */
  readonly dialling?: (bent: Bent) => void
  readonly handler?: (bent: Bent) => Partial<TransportHandler>
  readonly transport?: (bent: Bent) => Partial<Transport>
  /** When its peer ends in good order, which a sound handler learns only after the last byte. */
  readonly peerEnds?: (bent: Bent) => void
}

/** A setting whose transport is bent. */
export function bentSetting(setting: TransportSetting, bends: Bends): TransportSetting {
  const connections: Bent[] = []
  return {
    ...setting,
    dial: bentDial(setting.dial, bends, connections),
    accept: async () => {
      const peer = await setting.accept()
      const end = peer.end.bind(peer)
      peer.end = () => {
        end()
        for (const bent of connections) bends.peerEnds?.(bent)
      }
      return peer
    },
  }
}

function bentDial(dial: TransportFactory, bends: Bends, connections: Bent[]): TransportFactory {
  return (address, handler, options) => {
    const bent = new Bent(address, handler)
    connections.push(bent)
    const told: TransportHandler = {
      opened: () => handler.opened(),
      received: (bytes, length) => handler.received(bytes, length),
      written: () => handler.written(),
      closed: (error) => handler.closed(error),
      ...bends.handler?.(bent),
    }
    const noting: TransportHandler = {
      opened: () => {
        bent.isOpen = true
        told.opened()
      },
      received: (bytes, length) => told.received(bytes, length),
      written: () => {
        bent.isSending = false
        told.written()
      },
      closed: (error) => {
        bent.isOver = true
        told.closed(error)
      },
    }
    bent.inner = dial(address, noting, options)
    bends.dialling?.(bent)
    after(3, () => (bent.isLate = true))
    return calls(bent, {
      write: (chunks) => bent.inner.write(chunks),
      pause: () => bent.inner.pause(),
      resume: () => bent.inner.resume(),
      close: () => bent.inner.close(),
      destroy: () => bent.inner.destroy(),
      ...bends.transport?.(bent),
    })
  }
}

/** Notes what a transport is asked for, and asks. */
function calls(bent: Bent, asked: Transport): Transport {
  return {
    write: (chunks) => {
      bent.isSending ||= bent.isOpen && !bent.isClosing
      asked.write(chunks)
    },
    pause: () => {
      bent.isPaused = true
      asked.pause()
    },
    resume: () => {
      bent.isPaused = false
      asked.resume()
    },
    close: () => {
      bent.isClosing = true
      asked.close()
    },
    destroy: () => {
      bent.isDestroyed = true
      asked.destroy()
    },
  }
}

/** Does it after so many turns of the event loop, in each of which a memory pair takes a step. */
export function after(turns: number, task: () => void): void {
  setImmediate(() => (turns > 1 ? after(turns - 1, task) : task()))
}
