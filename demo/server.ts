// The server that the demo talks to: one of its own on a free port of loopback, or the one that
// UMQTT_SERVER names. Says in words which it is.

import { once } from 'node:events'
import { type AddressInfo, type Socket, createServer } from 'node:net'
import { Aedes, type AedesOptions } from 'aedes'

/** A server to connect to. */
export interface DemoServer {
  readonly url: string
  /** Whether it is this process's own, which loses nothing. */
  readonly own: boolean
  /** What it is, for a person. */
  readonly description: string
  readonly user: string | undefined
  readonly password: string | undefined
  close(): Promise<void>
}

/** Reads the environment; starts a server when it names none. */
export function openServer(
  environment: Readonly<Record<string, string | undefined>>,
): Promise<DemoServer> {
  const { UMQTT_SERVER: url = '', UMQTT_USER: user, UMQTT_PASSWORD: password } = environment
  if (url === '') return startServer()
  return Promise.resolve({
    url,
    own: false,
    description: `the server at ${url}`,
    user,
    password,
    close: () => Promise.resolve(),
  })
}

/** Starts a server of MQTT 3.1.1 in this process. */
export async function startServer(options: AedesOptions = {}): Promise<DemoServer> {
  const server = await Aedes.createBroker(options)
  const sockets = new Set<Socket>()
  const listener = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    server.handle(socket)
  })
  listener.listen(0, '127.0.0.1')
  await once(listener, 'listening')
  const { port } = listener.address() as AddressInfo
  return {
    url: `mqtt://127.0.0.1:${port}`,
    own: true,
    description: `aedes, started here on port ${port} of loopback`,
    user: undefined,
    password: undefined,
    close: async () => {
      await new Promise<void>((resolve) => server.close(() => resolve()))
      for (const socket of sockets) socket.destroy()
      listener.close()
      await once(listener, 'close')
    },
  }
}
