// A process that makes one connection with a server of its own, lets it end in the way that it is told,
// and then has to end by itself: `ending-main.js tls close`.

import { type PeerServer, type SocketPeer, OPTIONS, listenTcp, listenTls } from './peers.ts'
import { CertificateAuthority } from './certificates.ts'
import { parseServer } from '../../src/transport/address.ts'
import { tcp } from '../../src/transport/tcp.ts'
import { tls } from '../../src/transport/tls.ts'
import type { Transport, TransportHandler } from '../../src/transport/transport.ts'

const [, , route = '', ending = ''] = process.argv
const SMALL = Uint8Array.of(1)
/** More than the buffers of two sockets take. */
const LARGE = new Uint8Array(16 * 1_048_576)

const authority = new CertificateAuthority('umqtt test authority')
const certificate = authority.issue({ name: 'server', altNames: ['127.0.0.1'] })
const server = await (route === 'tls' ? listenTls(certificate) : listenTcp())
/** It accepts, and says nothing: a handshake of TLS stays under way. */
const silent = await listenTcp()

type Reaction = Partial<Record<'opened' | 'written', (transport: Transport) => void>>

/** Dials a server. @returns the transport, and when it has closed */
function dial(
  { port }: PeerServer<SocketPeer>,
  { opened, written }: Reaction = {},
): { transport: Transport; closed: Promise<void> } {
  let close: () => void = () => undefined
  const closed = new Promise<void>((resolve) => (close = resolve))
  const handler: TransportHandler = {
    opened: () => opened?.(transport),
    received: () => undefined,
    written: () => written?.(transport),
    closed: () => close(),
  }
  const address = parseServer(`${route === 'tls' ? 'mqtts' : 'mqtt'}://127.0.0.1:${port}`)
  const options = { ...OPTIONS, tls: { ca: authority.cert } }
  const transport = (route === 'tls' ? tls : tcp)(address, handler, options)
  return { transport, closed }
}

/** Dials a server, and waits until something has arrived there. */
async function arrived(
  at: PeerServer<SocketPeer>,
): Promise<{ transport: Transport; closed: Promise<void>; peer: SocketPeer }> {
  const dialled = dial(at, { opened: (transport) => transport.write([SMALL]) })
  const peer = await at.accept()
  await peer.until(() => peer.receivedBytes > 0)
  return { ...dialled, peer }
}

const ENDINGS: Readonly<Record<string, () => Promise<void>>> = {
  close: async () => {
    const opened = (transport: Transport): void => transport.write([SMALL])
    await dial(server, { opened, written: (transport) => transport.close() }).closed
  },
  destroy: () => dial(server, { opened: (transport) => transport.destroy() }).closed,
  'close and destroy': () =>
    dial(server, {
      opened: (transport) => {
        transport.write([SMALL])
        transport.close()
        transport.destroy()
      },
    }).closed,
  'close, and destroy while it ends': () =>
    dial(server, {
      opened: (transport) => {
        transport.close()
        setImmediate(() => transport.destroy())
      },
    }).closed,
  'destroy while writing': async () => {
    const { transport, closed, peer } = await arrived(server)
    peer.pause()
    transport.write([LARGE, LARGE])
    setImmediate(() => transport.destroy())
    await closed
  },
  'destroy while dialling': async () => {
    const { transport, closed } = dial(server)
    process.nextTick(() => transport.destroy())
    await closed
  },
  'destroy in the handshake': async () => {
    const { transport, closed } = await arrived(silent)
    transport.destroy()
    await closed
  },
  'the peer ends': async () => {
    const { closed, peer } = await arrived(server)
    peer.end()
    await closed
  },
  'the peer resets': async () => {
    const { closed, peer } = await arrived(server)
    peer.reset()
    await closed
  },
  'the peer resets in the handshake': async () => {
    const { closed, peer } = await arrived(silent)
    peer.reset()
    await closed
  },
}

const end = ENDINGS[ending]
if (end === undefined) throw new TypeError(`No connection ends with "${ending}"`)
await end()
await server.close()
await silent.close()
