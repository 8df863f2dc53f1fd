// A process with a link of the demo, whose far side ends in good order while its near side is reset. Then
// it lets go of everything, and has to end by itself.

import { once } from 'node:events'
import { type AddressInfo, type Socket, connect, createServer } from 'node:net'
import { Link } from '../../demo/link.ts'

const ignored = (): void => undefined
const portOf = (address: unknown): number => (address as AddressInfo).port

const server = createServer().listen(0, '127.0.0.1')
await once(server, 'listening')
const link = await Link.open(`mqtt://127.0.0.1:${portOf(server.address())}`)
const client = connect(Number(new URL(link.url).port), '127.0.0.1').on('error', ignored)
client.write('hello')
const [accepted] = (await once(server, 'connection')) as [Socket]
accepted.on('error', ignored)
await once(accepted, 'data')

// The link is told of both in one turn of the loop, of the end first.
accepted.end(() => client.resetAndDestroy())
await once(accepted, 'close')
await link.close()
server.close()
