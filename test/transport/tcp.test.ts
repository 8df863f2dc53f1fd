// TCP under the contract of transports, and what is its own: names, addresses, the shared read buffer.

import { equal, match, ok } from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { type Socket, connect } from 'node:net'
import { type TestContext, describe, it, test } from 'node:test'
import { transportContract } from '../../src/testing/transport-contract.ts'
import { Recorder } from '../../src/testing/transport-recorder.ts'
import { parseServer } from '../../src/transport/address.ts'
import { tcp } from '../../src/transport/tcp.ts'
import { OPTIONS, listenTcp, networkSetting, refusedPort } from '../support/peers.ts'
import { absent } from '../support/skip.ts'

describe('tcp', () => {
  transportContract(test, {
    traits: { slowsPeer: true, halfCloses: true, breaks: true, canBeSilent: false },
    open: async () => networkSetting(tcp, await listenTcp(), 'mqtt'),
  })
})

function dial(server: string): Recorder {
  return new Recorder({ dial: tcp, address: parseServer(server), options: OPTIONS })
}

describe('tcp', () => {
  it('reads into the given buffer', async (t) => {
    const server = await listenTcp()
    t.after(() => server.close())
    const recorder = dial(`127.0.0.1:${server.port}`)
    const peer = await server.accept()
    peer.write(Uint8Array.of(1, 2, 3))
    await recorder.until(() => recorder.receivedBytes === 3)
    equal(recorder.lastBuffer, OPTIONS.readBuffer)
  })

  it('finds a server by name on whichever address it listens', async (t) => {
    const server = await listenTcp()
    t.after(() => server.close())
    const recorder = dial(`localhost:${server.port}`)
    await recorder.until(() => recorder.isOpen)
    recorder.transport.write([Uint8Array.of(1)])
    const peer = await server.accept()
    await peer.until(() => peer.receivedBytes === 1)
    peer.write(Uint8Array.of(1, 2, 3))
    await recorder.until(() => recorder.receivedBytes === 3)
  })

  it('dials an IPv6 address', { skip: absent('ipv6') }, async (t) => {
    const server = await listenTcp({ host: '::1', port: 0 })
    t.after(() => server.close())
    const recorder = dial(`[::1]:${server.port}`)
    await recorder.until(() => recorder.isOpen)
  })

  it('says that nothing listens', async () => {
    const recorder = dial(`localhost:${await refusedPort()}`)
    await recorder.until(() => recorder.isClosed)
    match(recorder.error?.message ?? '', /": nothing listens there \(ECONNREFUSED\)$/)
    ok(recorder.error?.cause instanceof Error)
  })

  const notLinux =
    process.platform === 'linux' ? false : 'the queue of a port is full on Linux: run it there'
  it('is destroyed while a host answers nothing', { skip: notLinux }, async (t) => {
    const port = await blackHole(t)
    const recorder = dial(`127.0.0.1:${port}`)
    // While this one is opened and closed, the other has had its time.
    const server = await listenTcp()
    t.after(() => server.close())
    const other = dial(`127.0.0.1:${server.port}`)
    await other.until(() => other.isOpen)
    other.transport.close()
    await other.until(() => other.isClosed)
    equal(recorder.events.length, 0)
    recorder.transport.destroy()
    await recorder.until(() => recorder.isClosed)
    equal(recorder.isOpen, false)
    equal(recorder.error, undefined)
    recorder.verify()
  })
})

/** A port whose process stands still and whose queue is full: the system drops what comes. */
async function blackHole(t: TestContext): Promise<number> {
  const code = `const server = require('node:net').createServer()
server.listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => console.log(server.address().port))`
  const child = spawn(process.execPath, ['-e', code], { stdio: ['ignore', 'pipe', 'inherit'] })
  t.after(() => child.kill('SIGKILL'))
  const [line] = (await once(child.stdout, 'data')) as [Buffer]
  const port = Number(line)
  child.kill('SIGSTOP')
  // A queue of one takes two.
  const sockets: Socket[] = []
  for (let i = 0; i < 2; i++) {
    const socket = connect(port, '127.0.0.1')
    sockets.push(socket)
    t.after(() => socket.destroy())
    await once(socket, 'connect')
  }
  return port
}
