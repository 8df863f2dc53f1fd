// Real servers for tests, on loopback alone, each with a folder and a configuration of its own. Ports are
// free ones that the kernel gave; nothing outlives a test, or the process that runs it.

import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { AedesServer } from './servers/aedes.ts'
import { Ejabberd } from './servers/ejabberd.ts'
import { Mosquitto } from './servers/mosquitto.ts'
import { Nats } from './servers/nats.ts'
import { RabbitMq } from './servers/rabbitmq.ts'
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

const MAKERS: Readonly<Record<ServerName, (folder: string, options: ServerOptions) => TestServer>> =
  {
    mosquitto: (folder, options) => new Mosquitto(folder, options),
    aedes: (folder, options) => new AedesServer(folder, options),
    nats: (folder) => new Nats(folder),
    rabbitmq: (folder) => new RabbitMq(folder),
    ejabberd: (folder) => new Ejabberd(folder),
  }

/** Starts a server. */
export async function startServer(
  name: ServerName,
  options: ServerOptions = {},
): Promise<TestServer> {
  const folder = await mkdtemp(join(tmpdir(), 'umqtt-server-'))
  const server = MAKERS[name](folder, options)
  try {
    await server.start()
  } catch (error) {
    await server.remove()
    throw error
  }
  return server
}
