// The contract of transports can fail: a transport that does one thing wrong is found by the check of that thing.
// Beside it, what the function refuses before it registers anything.

import { deepEqual, equal, match, ok, rejects, throws } from 'node:assert/strict'
import { describe, test } from 'node:test'
import { transportContract } from '../../src/testing/transport-contract.ts'
import type { TransportContract, TransportTraits } from '../../src/testing/transport-setting.ts'
import type {
  Transport,
  TransportFactory,
  TransportHandler,
} from '../../src/transport/transport.ts'
import { memorySetting } from '../support/memory-setting.ts'

const ALL: TransportTraits = { slowsPeer: true, halfCloses: true, breaks: true, canBeSilent: true }

/** The checks by name, without their common beginning. */
function checksOf(contract: TransportContract): Map<string, () => Promise<void>> {
  const checks = new Map<string, () => Promise<void>>()
  transportContract((name, check) => {
    match(name, /^transport contract: /)
    checks.set(name.replace('transport contract: ', ''), check)
  }, contract)
  return checks
}

/** What a transport under it is turned into. */
interface Flaw {
  readonly handler?: (handler: TransportHandler) => Partial<TransportHandler>
  readonly transport?: (transport: Transport, handler: TransportHandler) => Partial<Transport>
}

/** The memory transport, with a flaw. */
function flawed(
  dial: TransportFactory,
  { handler: wrap, transport: turn }: Flaw,
): TransportFactory {
  return (address, handler, options) => {
    const plain: TransportHandler = {
      opened: () => handler.opened(),
      received: (bytes, length) => handler.received(bytes, length),
      written: () => handler.written(),
      closed: (error) => handler.closed(error),
    }
    const inner = dial(address, { ...plain, ...wrap?.(handler) }, options)
    return {
      write: (chunks) => inner.write(chunks),
      pause: () => inner.pause(),
      resume: () => inner.resume(),
      close: () => inner.close(),
      destroy: () => inner.destroy(),
      ...turn?.(inner, handler),
    }
  }
}

const FLAWS: readonly (Flaw & { readonly name: string; readonly check: string })[] = [
  {
    name: 'opens twice',
    check: 'opens once, after the factory has returned',
    handler: (handler) => ({
      opened: () => {
        handler.opened()
        handler.opened()
      },
    }),
  },
  {
    name: 'reports a write during the call',
    check: 'reports a write later, never during the call',
    handler: () => ({ written: () => undefined }),
    transport: (inner, handler) => ({
      write: (chunks) => {
        inner.write(chunks)
        handler.written()
      },
    }),
  },
  {
    name: 'loses a byte that it sends',
    check: 'delivers all that was written before it is closed',
    transport: (inner) => ({
      write: ([first, ...rest]) => inner.write([first!.slice(1), ...rest]),
    }),
  },
  {
    name: 'exchanges what it sends',
    check: 'carries bytes both ways and reports each write',
    transport: (inner) => ({ write: (chunks) => inner.write([...chunks].reverse()) }),
  },
  {
    name: 'exchanges what it receives',
    check: 'closes in good order when the peer ends, after all that it sent',
    handler: (handler) => ({
      received: (bytes, length) => handler.received(bytes.slice(0, length).reverse(), length),
    }),
  },
  {
    name: 'sends chunks after it has reported them',
    check: 'needs the chunks no longer when the write is reported',
    handler: () => ({ written: () => undefined }),
    transport: (inner, handler) => ({
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
    handler: () => ({ written: () => undefined }),
    transport: (inner, handler) => ({
      write: (chunks) => {
        inner.write(chunks)
        setImmediate(() => handler.written())
      },
    }),
  },
  {
    name: 'does not pause',
    check: 'receives nothing while paused, and all of it after',
    transport: () => ({ pause: () => undefined }),
  },
  {
    name: 'does not pause while dialling',
    check: 'receives nothing until it is resumed when it was paused while dialling',
    transport: () => ({ pause: () => undefined }),
  },
  {
    name: 'hands out what came in after close',
    check: 'closes in good order while paused with bytes unread, and throws those away',
    transport: (inner, handler) => ({
      close: () => {
        inner.close()
        handler.received(new Uint8Array(1), 1)
      },
    }),
  },
  {
    name: 'throws away what waited when it is resumed',
    check: 'closes only when it is resumed after the peer has ended',
    transport: (inner) => ({ resume: () => inner.destroy() }),
  },
  {
    name: 'tells an orderly end as an error',
    check: 'closes in good order when the peer ends, after all that it sent',
    handler: (handler) => ({ closed: (error) => handler.closed(error ?? new Error('ended')) }),
  },
  {
    name: 'tells an error as an orderly end',
    check: 'closes with an error when the peer breaks the connection',
    handler: (handler) => ({ closed: () => handler.closed(undefined) }),
  },
  {
    name: 'tells an error that is none of the package',
    check: 'closes with an error when it cannot connect',
    handler: (handler) => ({
      closed: (error) => handler.closed(error && new Error(error.message)),
    }),
  },
  {
    name: 'says that it cannot connect when it was connected',
    check: 'reports no write that was stuck when the peer breaks the connection',
    handler: (handler) => ({
      closed: (error) => {
        if (error) error.message = error.message.replace('Lost the connection', 'Cannot connect')
        handler.closed(error)
      },
    }),
  },
  {
    name: 'does not say to what it cannot connect',
    check: 'closes with an error when it cannot connect',
    handler: (handler) => ({
      closed: (error) => {
        if (error) error.message = error.message.replace(/".+"/, '"it"')
        handler.closed(error)
      },
    }),
  },
  {
    name: 'closes twice',
    check: 'does nothing when it is called after the end',
    handler: (handler) => ({
      closed: (error) => {
        handler.closed(error)
        setImmediate(() => handler.closed(error))
      },
    }),
  },
  {
    name: 'closes during destroy',
    check: 'is destroyed while dialling, and never opens',
    handler: () => ({ closed: () => undefined }),
    transport: (inner, handler) => ({
      destroy: () => {
        inner.destroy()
        handler.closed(undefined)
      },
    }),
  },
  {
    name: 'opens before the factory has returned',
    check: 'is destroyed by close while dialling',
    handler: (handler) => {
      handler.opened()
      return {}
    },
  },
  {
    name: 'is destroyed by what should only close it',
    check: 'delivers all that was written before it is closed',
    transport: (inner) => ({ close: () => inner.destroy() }),
  },
  {
    name: 'drops what was written when the peer ends',
    check: 'delivers what was written when the peer ends meanwhile',
    handler: (handler) => ({
      received: (bytes, length) => {
        handler.received(bytes, length)
        handler.closed(undefined)
      },
    }),
  },
]

describe('the contract of transports', () => {
  for (const { name, check, ...flaw } of FLAWS) {
    test(`finds a transport that ${name}`, async () => {
      const open = (): ReturnType<TransportContract['open']> => {
        const setting = memorySetting()
        return Promise.resolve({ ...setting, dial: flawed(setting.dial, flaw) })
      }
      const run = checksOf({ traits: ALL, open }).get(check)
      ok(run !== undefined, check)
      await rejects(run())
      // And nothing but the flaw: without it the same check passes.
      await checksOf({ traits: ALL, open: () => Promise.resolve(memorySetting()) }).get(check)?.()
    })
  }

  test('leaves out what a transport cannot do, and nothing else', () => {
    const open = (): never => {
      throw new Error('Nothing is made before a check runs')
    }
    const none = { slowsPeer: false, halfCloses: false, breaks: false, canBeSilent: false }
    const all = [...checksOf({ traits: ALL, open }).keys()]
    const few = [...checksOf({ traits: none, open }).keys()]
    equal(all.length, 25)
    deepEqual(
      all.filter((name) => !few.includes(name)),
      [
        'is destroyed while a server does not answer the dial',
        'delivers what was written when the peer ends meanwhile',
        'closes with an error when the peer breaks the connection',
        'reports no write that was stuck when the peer breaks the connection',
      ],
    )
  })

  test('closes the setting of a check that has failed', async () => {
    let closed = 0
    const open = (): ReturnType<TransportContract['open']> => {
      const setting = memorySetting()
      const { refusedAddress: address } = setting
      const close = (): Promise<void> => Promise.resolve(void (closed += 1))
      return Promise.resolve({ ...setting, address, close })
    }
    const run = checksOf({ traits: ALL, open }).get('opens once, after the factory has returned')
    await rejects(async () => run?.(), /^Error: It was closed$/)
    equal(closed, 1)
  })

  test('says that a setting lacks the address that never answers', async () => {
    const open = (): ReturnType<TransportContract['open']> => {
      const { silentAddress: _, ...setting } = memorySetting()
      return Promise.resolve(setting)
    }
    const run = checksOf({ traits: ALL, open }).get(
      'is destroyed while a server does not answer the dial',
    )
    await rejects(async () => run?.(), {
      name: 'TypeError',
      message: 'Cannot check canBeSilent: the setting has no silentAddress',
    })
  })

  test('refuses what is no contract', () => {
    const open = (): Promise<never> => Promise.reject(new Error('Not called'))
    const register = (): never => {
      throw new Error('Nothing is registered')
    }
    for (const contract of [
      undefined,
      {},
      { traits: ALL },
      { traits: ALL, open, name: 'mine' },
      { open },
      { traits: { ...ALL, breaks: undefined }, open },
      { traits: { ...ALL, brakes: true }, open },
    ]) {
      throws(() => transportContract(register, contract as never), TypeError)
    }
    throws(() => transportContract('test' as never, { traits: ALL, open }), {
      name: 'TypeError',
      message: 'Cannot use register "test": give a function',
    })
  })
})
