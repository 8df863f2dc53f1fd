// Transports that break one rule of the contract each, for the proof that its checks find them: a sound transport, bent
// at the place of the rule. Each says which check has to find it, and in which words, so that no check
// passes for the fault of another. Rule: every check has one; the test of the contract looks for it.

import { ConnectionLostError } from '../../src/errors.ts'
import { after, type Bends, type Bent } from './bent-transport.ts'

/** What a check comes to when it waits for what a flawed transport never does. */
export const WAITS = 'It waits for ever'

export interface Flaw extends Bends {
  /** Ends the sentence "a transport that …". */
  readonly name: string
  /** The check that finds it. */
  readonly check: string
  /** How the words of its failure begin. */
  readonly says: string
}

const nothing = (): void => undefined

const OPENING: readonly Flaw[] = [
  {
    name: 'opens twice',
    check: 'opens once, after the factory has returned',
    says: 'What should not have been called: wanted [], got ["opened twice"]',
    handler: ({ handler }) => ({
      opened: () => {
        handler.opened()
        handler.opened()
      },
    }),
  },
  {
    name: 'opens before the factory has returned',
    check: 'opens once, after the factory has returned',
    says: 'What should not have been called: wanted [], got ["opened before the factory had returned"]',
    dialling: ({ handler }) => handler.opened(),
    handler: () => ({ opened: nothing }),
  },
  {
    name: 'tells an error that is none of the package',
    check: 'closes with an error when it cannot connect',
    says: 'The error is no MqttError',
    handler: ({ handler }) => ({
      closed: (error) => handler.closed(error && new Error(error.message)),
    }),
  },
  {
    name: 'does not say to what it cannot connect',
    check: 'closes with an error when it cannot connect',
    says: 'The error says "Cannot connect to "it"',
    handler: ({ handler }) => ({
      closed: (error) => {
        if (error) error.message = error.message.replace(/".+"/, '"it"')
        handler.closed(error)
      },
    }),
  },
  {
    name: 'closes during destroy while it dials',
    check: 'is destroyed while dialling, and never opens',
    says: 'Whether closed was called at once: wanted false, got true',
    handler: () => ({ closed: nothing }),
    transport: ({ inner, handler }) => ({
      destroy: () => {
        inner.destroy()
        handler.closed(undefined)
      },
    }),
  },
  {
    name: 'opens before it ends when it is destroyed while dialling',
    check: 'is destroyed while dialling, and never opens',
    says: 'What was called: wanted ["closed"], got ["opened","closed"]',
    handler: (bent) => ({
      opened: () => {
        bent.handler.opened()
        if (bent.isDestroyed) bent.inner.destroy()
      },
    }),
    transport: (bent) => ({ destroy: () => bent.isOpen && bent.inner.destroy() }),
  },
  {
    name: 'opens before it ends when it is closed while dialling',
    check: 'is destroyed by close while dialling',
    says: 'What was called: wanted ["closed"], got ["opened","closed"]',
    handler: (bent) => ({
      opened: () => {
        bent.handler.opened()
        if (bent.isClosing) bent.inner.close()
      },
    }),
    transport: (bent) => ({ close: () => bent.isOpen && bent.inner.close() }),
  },
  {
    name: 'gives up a dial that nobody answers',
    check: 'is destroyed while a server does not answer the dial',
    says: 'What was called: wanted [], got ["closed"]',
    dialling: (bent) =>
      after(2, () => {
        if (bent.isOpen || bent.isOver) return
        const { href } = bent.address
        bent.handler.closed(new ConnectionLostError(`Cannot connect to "${href}": too slow`))
      }),
  },
  {
    name: 'is not destroyed while nobody answers its dial',
    check: 'is destroyed while a server does not answer the dial',
    says: WAITS,
    transport: (bent) => ({
      destroy: () => (bent.isOpen || !bent.isLate) && bent.inner.destroy(),
    }),
  },
]

const WRITING: readonly Flaw[] = [
  {
    name: 'exchanges what it sends',
    check: 'carries bytes both ways and reports each write',
    says: 'what the peer got: the bytes differ from offset 5 on',
    transport: ({ inner }) => ({ write: (chunks) => inner.write([...chunks].reverse()) }),
  },
  {
    name: 'does not report a write of nothing',
    check: 'carries bytes both ways and reports each write',
    says: WAITS,
    transport: ({ inner }) => ({ write: (chunks) => chunks.length > 0 && inner.write(chunks) }),
  },
  {
    name: 'reports a write during the call',
    check: 'reports a write later, never during the call',
    says: 'How many writes were reported: wanted 0, got 1',
    handler: () => ({ written: nothing }),
    transport: ({ inner, handler }) => ({
      write: (chunks) => {
        inner.write(chunks)
        handler.written()
      },
    }),
  },
  {
    name: 'masks chunks in place',
    check: 'changes no chunk, and needs them no longer when the write is reported',
    says: 'what was given to write: the bytes differ from offset 0 on',
    transport: ({ inner }) => ({
      write: (chunks) => {
        inner.write(chunks.map((chunk) => chunk.slice()))
        for (const chunk of chunks) chunk.forEach((byte, i) => (chunk[i] = byte ^ 0x55))
      },
    }),
  },
  {
    name: 'sends chunks after it has reported them',
    check: 'changes no chunk, and needs them no longer when the write is reported',
    says: 'what the peer got: the bytes differ from offset',
    handler: () => ({ written: nothing }),
    transport: ({ inner, handler }) => ({
      write: (chunks) => {
        setImmediate(() => {
          handler.written()
          setImmediate(() => inner.write(chunks))
        })
      },
    }),
  },
  {
    name: 'reports writes that the peer has not taken',
    check: 'reports no write while the peer takes nothing, and all of it arrives',
    says: 'How many writes were reported: wanted 0, got 1',
    handler: () => ({ written: nothing }),
    transport: ({ inner, handler }) => ({
      write: (chunks) => {
        inner.write(chunks)
        setImmediate(() => handler.written())
      },
    }),
  },
]

const READING: readonly Flaw[] = [
  {
    name: 'does not pause',
    check: 'receives nothing while paused, and all of it after',
    says: 'What was received while paused: wanted 0',
    transport: () => ({ pause: nothing }),
  },
  {
    name: 'reads on while it is paused, and keeps what it reads',
    check: 'receives nothing while paused, and all of it after',
    says: 'The peer was not slowed down',
    ...keeping(),
  },
  {
    name: 'hands out the rest of a piece at which it was paused',
    check: 'loses nothing when it is paused and resumed at every piece',
    says: 'What should not have been called: wanted [], got ["received while paused"',
    handler: ({ handler }) => ({
      received: (bytes, length) => {
        handler.received(bytes, 1)
        if (length > 1) handler.received(bytes.subarray(1, length), length - 1)
      },
    }),
  },
  {
    name: 'loses the rest of a piece at which it was paused',
    check: 'loses nothing when it is paused and resumed at every piece',
    says: WAITS,
    handler: (bent) => ({
      received: (bytes, length) => {
        bent.handler.received(bytes, 1)
        if (length === 1 || bent.isPaused) return
        bent.handler.received(bytes.subarray(1, length), length - 1)
      },
    }),
  },
  {
    name: 'forgets that it was paused while dialling',
    check: 'receives nothing until it is resumed when it was paused while dialling',
    says: 'What was received while paused: wanted 0',
    transport: (bent) => ({ pause: () => bent.isOpen && bent.inner.pause() }),
  },
]

const CLOSING: readonly Flaw[] = [
  {
    name: 'loses a byte that it sends',
    check: 'delivers all that was written before it is closed',
    says: 'The length of what the peer got: wanted 8388608, got 8388607',
    transport: ({ inner }) => ({
      write: ([first, ...rest]) => inner.write([first!.slice(1), ...rest]),
    }),
  },
  {
    name: 'is destroyed by what should only close it',
    check: 'delivers all that was written before it is closed',
    says: 'The length of what the peer got: wanted 8388608, got',
    transport: ({ inner }) => ({ close: () => inner.destroy() }),
  },
  {
    name: 'hands out what came in after close',
    check: 'closes in good order while paused with bytes unread, and throws those away',
    says: 'What was received after close: wanted 0, got 1',
    transport: ({ inner, handler }) => ({
      close: () => {
        inner.close()
        handler.received(new Uint8Array(1), 1)
      },
    }),
  },
  {
    name: 'sends what is written in the turn in which it is closed',
    check: 'sends nothing that is written after it was closed',
    says: 'How many bytes the peer got: wanted 5, got 10',
    transport: ({ inner }) => ({ close: () => setImmediate(() => inner.close()) }),
  },
  {
    name: 'tells an orderly end as an error',
    check: 'closes in good order when the peer ends, after all that it sent',
    says: 'What closed was told: wanted undefined, got "Error: ended"',
    handler: ({ handler }) => ({ closed: (error) => handler.closed(error ?? new Error('ended')) }),
  },
  {
    name: 'exchanges what it receives',
    check: 'closes in good order when the peer ends, after all that it sent',
    says: 'what the client got: the bytes differ from offset 0 on',
    handler: ({ handler }) => ({
      received: (bytes, length) => handler.received(bytes.slice(0, length).reverse(), length),
    }),
  },
  {
    name: 'ends with its peer, before it has read all',
    check: 'closes in good order when the peer ends, after all that it sent',
    says: 'The length of what the client got: wanted 1000000, got',
    peerEnds: ({ inner, isPaused, isSending }) => {
      if (!isPaused && !isSending) after(2, () => inner.destroy())
    },
  },
  {
    name: 'throws away what waited when it is resumed',
    check: 'closes only when it is resumed after the peer has ended',
    says: 'The length of what the client got: wanted 100000, got 0',
    transport: ({ inner }) => ({ resume: () => inner.destroy() }),
  },
  {
    name: 'closes when its peer ends, though it is paused',
    check: 'closes only when it is resumed after the peer has ended',
    says: 'Whether it closed while paused: wanted false, got true',
    peerEnds: ({ handler, isPaused }) => isPaused && handler.closed(undefined),
  },
  {
    name: 'drops what was written when the peer ends',
    check: 'delivers what was written when the peer ends meanwhile',
    says: 'The length of what the peer got: wanted 8388608, got',
    peerEnds: ({ inner, isSending }) => isSending && after(5, () => inner.destroy()),
  },
  {
    name: 'reports a write after its end',
    check: 'does nothing when it is called after the end',
    says: 'What was called last: wanted "closed", got "written"',
    transport: (bent) => ({
      write: (chunks) => {
        if (bent.isOver) setImmediate(() => bent.handler.written())
        else bent.inner.write(chunks)
      },
    }),
  },
  {
    name: 'closes twice',
    check: 'does nothing when it is called after the end',
    says: 'What should not have been called: wanted [], got ["closed after closed"]',
    handler: ({ handler }) => ({
      closed: (error) => {
        handler.closed(error)
        setImmediate(() => handler.closed(error))
      },
    }),
  },
]

const BREAKING: readonly Flaw[] = [
  {
    name: 'tells an error as an orderly end',
    check: 'closes with an error when the peer breaks the connection',
    says: 'The error is no MqttError',
    handler: ({ handler }) => ({ closed: () => handler.closed(undefined) }),
  },
  {
    name: 'says that it cannot connect when it was connected',
    check: 'closes with an error when the peer breaks the connection',
    says: 'The error says "Cannot connect to',
    handler: ({ handler }) => ({
      closed: (error) => {
        if (error) error.message = error.message.replace('Lost the connection', 'Cannot connect')
        handler.closed(error)
      },
    }),
  },
  {
    name: 'reports a write that was stuck when the connection breaks',
    check: 'reports no write that was stuck when the peer breaks the connection',
    says: 'How many writes were reported: wanted 0, got 1',
    handler: (bent) => ({
      closed: (error) => {
        if (error && bent.isSending) bent.handler.written()
        bent.handler.closed(error)
      },
    }),
  },
  {
    name: 'closes once for each time that it is destroyed',
    check: 'is destroyed at once, which the peer sees',
    says: 'What should not have been called: wanted [], got ["closed after closed"]',
    handler: (bent) => ({ closed: (error) => bent.isDestroyed || bent.handler.closed(error) }),
    transport: ({ inner, handler }) => ({
      destroy: () => {
        inner.destroy()
        queueMicrotask(() => handler.closed(undefined))
      },
    }),
  },
  {
    name: 'tells its peer nothing when it is destroyed',
    check: 'is destroyed at once, which the peer sees',
    says: WAITS,
    transport: ({ handler }) => ({
      destroy: () => setImmediate(() => handler.closed(undefined)),
    }),
  },
  {
    name: 'reports a write that was stuck when it is destroyed',
    check: 'is destroyed while a write is stuck',
    says: 'How many writes were reported: wanted 0, got 1',
    transport: (bent) => ({
      destroy: () => {
        if (bent.isSending) bent.handler.written()
        bent.inner.destroy()
      },
    }),
  },
  {
    name: 'is destroyed only when its write is done',
    check: 'is destroyed while a write is stuck',
    says: WAITS,
    transport: (bent) => ({
      destroy: () => (bent.isSending ? bent.inner.close() : bent.inner.destroy()),
    }),
  },
  {
    name: 'is not destroyed while it closes',
    check: 'is destroyed while closing is stuck',
    says: WAITS,
    transport: (bent) => ({ destroy: () => bent.isClosing || bent.inner.destroy() }),
  },
  {
    name: 'hands out more after a handler has destroyed it',
    check: 'receives nothing more when it is destroyed by a handler',
    says: 'How many pieces were received: wanted 1, got 2',
    handler: (bent) => ({
      received: (bytes, length) => {
        bent.handler.received(bytes, length)
        if (bent.isDestroyed) bent.handler.received(bytes, 1)
      },
    }),
  },
]

/** All of them, in the order of the checks. */
export const FLAWS: readonly Flaw[] = [...OPENING, ...WRITING, ...READING, ...CLOSING, ...BREAKING]

/** Pauses for its handler alone: what comes meanwhile is kept, and its peer goes on. */
function keeping(): Bends {
  const kept = new Map<Bent, Uint8Array[]>()
  return {
    handler: (bent) => ({
      received: (bytes, length) => {
        if (!bent.isPaused) return bent.handler.received(bytes, length)
        kept.set(bent, [...(kept.get(bent) ?? []), bytes.slice(0, length)])
      },
    }),
    transport: (bent) => ({
      pause: nothing,
      resume: () => {
        for (const bytes of kept.get(bent) ?? []) bent.handler.received(bytes, bytes.length)
        kept.delete(bent)
      },
    }),
  }
}
