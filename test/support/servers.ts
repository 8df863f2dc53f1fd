// Real servers for tests, on loopback alone, each with a folder and a configuration of its own. Ports are
// free ones that the kernel gave; nothing outlives a test, or the process that runs it.

import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ServerName, ServerOptions, TestServer } from './servers/server.ts'

export {
  PASSWORD,
  ROUTES,
  SERVER_NAMES,
  USER,
  type Route,
  type ServerName,
  type ServerOptions,
  type TestServer,
} from './servers/server.ts'

type Maker = (folder: string, options: ServerOptions) => Promise<TestServer>

/** Each is loaded when it is wanted: most tests want one, and Aedes is a program of its own size. */
const MAKERS: Readonly<Record<ServerName, Maker>> = {
  mosquitto: async (folder, options) =>
    new (await import('./servers/mosquitto.ts')).Mosquitto(folder, options),
  aedes: async (folder, options) =>
    new (await import('./servers/aedes.ts')).AedesServer(folder, options),
  nats: async (folder) => new (await import('./servers/nats.ts')).Nats(folder),
  rabbitmq: async (folder) => new (await import('./servers/rabbitmq.ts')).RabbitMq(folder),
  ejabberd: async (folder) => new (await import('./servers/ejabberd.ts')).Ejabberd(folder),
}

/** Starts a server. */
export async function startServer(
  name: ServerName,
  options: ServerOptions = {},
): Promise<TestServer> {
  const folder = await mkdtemp(join(tmpdir(), 'umqtt-server-'))
  const server = await MAKERS[name](folder, options)
  try {
    await server.start()
  } catch (error) {
    await server.remove()
    throw error
  }
  return server
}
