// TLS under the contract of transports, and every way in which a certificate can be wrong.

import { equal, match, ok } from 'node:assert/strict'
import { once } from 'node:events'
import { type TestContext, describe, it, test } from 'node:test'
import { type TLSSocket, type TlsOptions as ServerTlsOptions } from 'node:tls'
import type { ConnectionLostError } from '../../src/errors.ts'
import { transportContract } from '../../src/testing/transport-contract.ts'
import { Recorder } from '../../src/testing/transport-recorder.ts'
import { parseServer } from '../../src/transport/address.ts'
import { tls, tlsConnectionOptions } from '../../src/transport/tls.ts'
import type { TlsOptions } from '../../src/transport/transport.ts'
import { CertificateAuthority } from '../support/certificates.ts'
import { OPTIONS, listenTcp, listenTls, networkSetting } from '../support/peers.ts'

const DAY_MS = 86_400_000

const authority = new CertificateAuthority('umqtt test authority')
const other = new CertificateAuthority('another authority')
const altNames = ['localhost', '127.0.0.1']
const good = authority.issue({ name: 'server', altNames })
const wrongHost = authority.issue({ name: 'server', altNames: ['elsewhere.example'] })
const expired = authority.issue({
  name: 'server',
  altNames,
  notBefore: new Date(Date.now() - 2 * DAY_MS),
  notAfter: new Date(Date.now() - DAY_MS),
})
const future = authority.issue({
  name: 'server',
  altNames,
  notBefore: new Date(Date.now() + DAY_MS),
  notAfter: new Date(Date.now() + 2 * DAY_MS),
})
const client = authority.issue({ name: 'client' })

describe('tls', () => {
  transportContract(test, {
    traits: { slowsPeer: true, halfCloses: true, breaks: true, canBeSilent: true },
    open: async () =>
      networkSetting(tls, await listenTls(good), 'mqtts', {
        ...OPTIONS,
        tls: { ca: authority.cert },
      }),
  })
})

/** Dials a server with these settings, and waits until it is open or closed. */
async function dial(
  t: TestContext,
  serverOptions: ServerTlsOptions,
  tlsOptions: TlsOptions | undefined,
  host = '127.0.0.1',
): Promise<{ recorder: Recorder; peer: () => Promise<TLSSocket> }> {
  const server = await listenTls(serverOptions)
  t.after(() => server.close())
  const recorder = new Recorder({
    dial: tls,
    address: parseServer(`mqtts://${host}:${server.port}`),
    options: { ...OPTIONS, tls: tlsOptions },
  })
  await recorder.until(() => recorder.isOpen || recorder.isClosed)
  t.after(() => recorder.transport.destroy())
  return { recorder, peer: async () => (await server.accept()).socket as TLSSocket }
}

/** What `closed` said, after a dial that must not succeed. */
async function refusal(
  t: TestContext,
  serverOptions: ServerTlsOptions,
  tlsOptions: TlsOptions | undefined,
  host?: string,
): Promise<string> {
  const { recorder } = await dial(t, serverOptions, tlsOptions, host)
  equal(recorder.isOpen, false)
  return recorder.error?.message ?? ''
}

describe('tls', () => {
  it('refuses a certificate of an unknown authority, and says where to name it', async (t) => {
    for (const options of [undefined, {}, { ca: other.cert }]) {
      const message = await refusal(t, good, options)
      match(message, /^Cannot connect to "mqtts:\/\/127\.0\.0\.1:\d+": .*"tls\.ca" \([A-Z_]+\)$/)
    }
  })

  it('refuses a certificate for another host, and names those that it is for', async (t) => {
    const message = await refusal(t, wrongHost, { ca: authority.cert }, 'localhost')
    match(message, /"tls\.servername" \(ERR_TLS_CERT_ALTNAME_INVALID\): .*elsewhere\.example/)
  })

  it('refuses an expired certificate, and one that is not valid yet', async (t) => {
    match(await refusal(t, expired, { ca: authority.cert }), /expired.*\(CERT_HAS_EXPIRED\)$/)
    match(
      await refusal(t, future, { ca: authority.cert }),
      /not valid yet.*\(CERT_NOT_YET_VALID\)$/,
    )
  })

  it('checks certificates even when NODE_TLS_REJECT_UNAUTHORIZED is 0', async (t) => {
    const before = process.env['NODE_TLS_REJECT_UNAUTHORIZED']
    process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0'
    t.after(() => {
      if (before === undefined) delete process.env['NODE_TLS_REJECT_UNAUTHORIZED']
      else process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = before
    })
    match(await refusal(t, good, undefined), /"tls\.ca"/)
  })

  it('accepts any certificate when rejectUnauthorized is false', async (t) => {
    const { recorder } = await dial(t, wrongHost, { rejectUnauthorized: false }, 'localhost')
    ok(recorder.isOpen)
  })

  it('trusts several authorities, given as text and as bytes', async (t) => {
    const ca = [other.cert, new TextEncoder().encode(authority.cert)]
    const { recorder } = await dial(t, good, { ca })
    ok(recorder.isOpen)
  })

  it('checks the name in servername instead of the host, and sends it', async (t) => {
    const options = { ca: authority.cert, servername: 'elsewhere.example' }
    const { recorder, peer } = await dial(t, wrongHost, options)
    ok(recorder.isOpen)
    equal((await peer()).servername, 'elsewhere.example')
    match(await refusal(t, good, options), /ERR_TLS_CERT_ALTNAME_INVALID/)
  })

  it('sends the host as the name for SNI, without a dot at its end', async (t) => {
    const { peer } = await dial(t, good, { ca: authority.cert }, 'localhost')
    equal((await peer()).servername, 'localhost')
    equal(tlsConnectionOptions(parseServer('mqtts://localhost.'), {}).servername, 'localhost')
  })

  it('sends no name for SNI when it is an IP address, and checks it', async (t) => {
    const { peer } = await dial(t, good, { ca: authority.cert })
    equal((await peer()).servername, false)
    const given = { ca: authority.cert, servername: '127.0.0.1' }
    const named = await dial(t, good, given, 'localhost')
    ok(named.recorder.isOpen)
    equal((await named.peer()).servername, false)
    match(await refusal(t, wrongHost, given, 'localhost'), /IP: 127\.0\.0\.1 is not in/)
  })

  it('shows its client certificate', async (t) => {
    const asking = { ...good, requestCert: true, ca: authority.cert }
    const { cert, key } = client
    const { recorder, peer } = await dial(t, asking, { ca: authority.cert, cert, key })
    ok(recorder.isOpen)
    const socket = await peer()
    ok(socket.authorized)
    equal(socket.getPeerCertificate().subject.CN, 'client')
  })

  for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
    const asking = { ...good, requestCert: true, ca: authority.cert, maxVersion: version }

    it(`says what to do when the server wants a client certificate and ${version}`, async (t) => {
      const { recorder } = await dial(t, asking, { ca: authority.cert })
      await recorder.until(() => recorder.isClosed)
      match(recorder.error?.message ?? '', /give one in "tls\.cert" and "tls\.key" \(/)
    })
  }

  it('offers application protocols', async (t) => {
    const { recorder, peer } = await dial(
      t,
      { ...good, ALPNProtocols: ['x-amzn-mqtt-ca', 'mqtt'] },
      { ca: authority.cert, alpnProtocols: ['mqtt'] },
    )
    ok(recorder.isOpen)
    equal((await peer()).alpnProtocol, 'mqtt')
  })

  it('says that the server speaks none of the application protocols', async (t) => {
    const message = await refusal(
      t,
      { ...good, ALPNProtocols: ['http/1.1'] },
      { ca: authority.cert, alpnProtocols: ['mqtt'] },
    )
    match(message, /"tls\.alpnProtocols" \(/)
  })

  it('takes no version below minVersion, which is TLS 1.2 by default', async (t) => {
    const old = {
      ...good,
      minVersion: 'TLSv1',
      maxVersion: 'TLSv1.1',
      ciphers: 'ALL:@SECLEVEL=0',
    } as const
    match(await refusal(t, old, { ca: authority.cert }), /"tls\.minVersion"/)
    const tls12 = { ...good, maxVersion: 'TLSv1.2' } as const
    const { recorder } = await dial(t, tls12, { ca: authority.cert })
    ok(recorder.isOpen)
    const message = await refusal(t, tls12, { ca: authority.cert, minVersion: 'TLSv1.3' })
    match(message, /"tls\.minVersion"/)
  })

  it('says that a server speaks no TLS', async (t) => {
    const server = await listenTcp()
    t.after(() => server.close())
    const recorder = new Recorder({
      dial: tls,
      address: parseServer(`mqtts://127.0.0.1:${server.port}`),
      options: OPTIONS,
    })
    const peer = await server.accept()
    await once(peer.socket, 'data')
    peer.write(Uint8Array.of(0x20, 0x02, 0x00, 0x00, 0x20, 0x02, 0x00, 0x00))
    await recorder.until(() => recorder.isClosed)
    match(recorder.error?.message ?? '', /no TLS|speak TLS/)
  })

  it('says whether time alone may cure it', async (t) => {
    const { recorder: wrong } = await dial(t, expired, { ca: authority.cert })
    equal((wrong.error as ConnectionLostError).transient, false)
    const { recorder: early } = await dial(t, future, { ca: authority.cert })
    equal((early.error as ConnectionLostError).transient, true)
    for (const settings of [{ ca: 5 }, { cert: 'none' }]) {
      const recorder = new Recorder({
        dial: tls,
        address: parseServer('mqtts://127.0.0.1:1'),
        options: { ...OPTIONS, tls: settings as never },
      })
      await recorder.until(() => recorder.isClosed)
      equal((recorder.error as ConnectionLostError).transient, false)
    }
  })

  it('closes with an error, later, when certificates cannot be read', async () => {
    for (const options of [{ cert: 'none' }, { ...client, key: 'none' }]) {
      const recorder = new Recorder({
        dial: tls,
        address: parseServer('mqtts://127.0.0.1:1'),
        options: { ...OPTIONS, tls: options },
      })
      equal(recorder.isClosed, false)
      recorder.transport.write([])
      recorder.transport.pause()
      recorder.transport.resume()
      await recorder.until(() => recorder.isClosed)
      equal(recorder.isOpen, false)
      match(recorder.error?.message ?? '', /^Cannot connect to ".*": .*cannot be read \(ERR_OSSL/)
      recorder.transport.destroy()
      recorder.verify()
    }
  })

  it('closes without an error when it is destroyed before that is reported', async () => {
    const recorder = new Recorder({
      dial: tls,
      address: parseServer('mqtts://127.0.0.1:1'),
      options: { ...OPTIONS, tls: { cert: 'none' } },
    })
    recorder.transport.destroy()
    await recorder.until(() => recorder.isClosed)
    equal(recorder.error, undefined)
    recorder.verify()
  })

  it('reads into the given buffer', async (t) => {
    const { recorder, peer } = await dial(t, good, { ca: authority.cert })
    ;(await peer()).write('hello')
    await recorder.until(() => recorder.receivedBytes === 5)
    equal(recorder.lastBuffer, OPTIONS.readBuffer)
  })
})
