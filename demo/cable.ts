// A cable that can be cut: a listener on loopback that passes bytes on to a server, until it does not.
// Neither end gets a farewell, as when somebody pulls the plug. Knows nothing of MQTT.

import { once } from 'node:events'
import { type AddressInfo, type Socket, connect, createServer } from 'node:net'
import { parseServer } from '../src/transport/address.ts'

export interface Cable {
  /** The server as seen through the cable. */
  readonly url: string
  /** The name in the server's certificate, for TLS. */
  readonly servername: string | undefined
  /** Swallows what goes to the server from now on; settles when something was swallowed. */
  swallow(): Promise<void>
  /** Cuts every connection and takes no new one. */
  cut(): Promise<void>
}

/** Lays a cable to a server. */
export async function layCable(server: string): Promise<Cable> {
  const { scheme, host, port, path } = parseServer(server)
  const ends = new Set<Socket>()
  let swallowed: (() => void) | undefined
  const listener = createServer((near) => {
    const far = scheme === 'unix' ? connect(path) : connect(port, host)
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      ends.add(from)
      from.setNoDelay(true)
      from.on('data', (bytes) => {
        if (from === near && swallowed !== undefined) swallowed()
        else to.write(bytes)
      })
      from.on('end', () => to.end())
      // An end that breaks breaks the other.
      from.on('error', () => to.destroy())
      from.on('close', () => {
        ends.delete(from)
        to.destroy()
      })
    }
  })
  listener.listen(0, '127.0.0.1')
  await once(listener, 'listening')
  const through = `127.0.0.1:${(listener.address() as AddressInfo).port}`
  const secure = scheme === 'mqtts' || scheme === 'wss'
  return {
    url: scheme === 'unix' ? `mqtt://${through}` : `${scheme}://${through}${path}`,
    servername: secure ? host : undefined,
    swallow: () =>
      new Promise((resolve) => {
        swallowed = resolve
      }),
    cut: async () => {
      // A Unix socket knows no reset; its plain end comes without DISCONNECT too.
      for (const end of ends) {
        if (scheme === 'unix') end.destroy()
        else end.resetAndDestroy()
      }
      if (!listener.listening) return
      listener.close()
      await once(listener, 'close')
    },
  }
}
