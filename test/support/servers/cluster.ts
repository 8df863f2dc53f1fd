// Three nodes of one server as a cluster on this machine. They share a port mapper, which is ours too;
// each node has a folder, ports and an end of its own.

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Ejabberd } from './ejabberd.ts'
import { portMapper } from './erlang.ts'
import { GuardedProcess } from './guarded-process.ts'
import { RabbitMq } from './rabbitmq.ts'
import { type TestServer, freePorts } from './server.ts'

/** What can be a cluster. */
export type ClusterName = 'rabbitmq' | 'ejabberd'

/** A cluster that runs. */
export class Cluster {
  readonly nodes: readonly TestServer[]
  readonly #folder: string
  readonly #mapper: GuardedProcess

  private constructor(folder: string, mapper: GuardedProcess, nodes: readonly TestServer[]) {
    this.#folder = folder
    this.#mapper = mapper
    this.nodes = nodes
  }

  static async start(name: ClusterName): Promise<Cluster> {
    const folder = await mkdtemp(join(tmpdir(), 'umqtt-cluster-'))
    const [mapperPort = 0] = await freePorts(1)
    const [mapper] = await GuardedProcess.start(portMapper(mapperPort))
    const nodes = ['umqtt1', 'umqtt2', 'umqtt3']
    const servers = nodes.map((node) => {
      const own = join(folder, node)
      const options = { mapperPort, node, nodes }
      return name === 'rabbitmq' ? new RabbitMq(own, options) : new Ejabberd(own, options)
    })
    const cluster = new Cluster(folder, mapper, servers)
    try {
      // One after another: who comes later joins those who are there.
      for (const server of servers) await server.start()
    } catch (error) {
      await cluster.remove()
      throw error
    }
    return cluster
  }

  async remove(): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.remove()))
    await this.#mapper.kill()
    await rm(this.#folder, { recursive: true, force: true })
  }
}
