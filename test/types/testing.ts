// What people write who bring a transport or a store of their own, or script a server: `umqtt/testing` as its
// declarations are. Compiled by tsconfig.published.json, which knows nothing of Node; never run.

import { type Packet, PacketType } from 'umqtt/codec'
import { type ClientOptions, MQTTClient } from 'umqtt/robust'
import {
  type CutPoint,
  type Direction,
  FaultProxy,
  MemoryStore,
  type Op,
  outboxContract,
  type OutboxStore,
  type PassedPacket,
  type RegisterCheck,
  ScriptedConnection,
  ScriptedServer,
  type ServerAddress,
  type Transport,
  transportContract,
  type TransportFactory,
  TransportPeer,
  type TransportSetting,
} from 'umqtt/testing'

declare const register: RegisterCheck
declare const transport: Transport
declare const address: ServerAddress

/** A factory of their own, which a client takes. */
const dial: TransportFactory = (_address, handler, { readBuffer }) => {
  handler.received(readBuffer, 1)
  return transport
}
export const options: ClientOptions = { transport: dial }

class OwnPeer extends TransportPeer {
  readonly unsentBytes = 0
  write(bytes: Uint8Array): void {
    this.arrived(bytes)
  }
  pause(): void {}
  resume(): void {}
  end(): void {
    this.finished()
  }
  reset(): void {}
}

const setting: TransportSetting = {
  dial,
  address,
  refusedAddress: address,
  accept: async () => new OwnPeer(),
  close: async () => undefined,
}
const traits = { slowsPeer: true, halfCloses: true, breaks: true, canBeSilent: false }
transportContract(register, { traits, open: async () => setting })
// @ts-expect-error what a transport can do has to be said in full
transportContract(register, { traits: { slowsPeer: true }, open: async () => setting })

class OwnStore extends MemoryStore {
  override commit(ops: readonly Op[]): Promise<void> {
    return super.commit(ops)
  }
}
const store: OutboxStore = new OwnStore()
outboxContract(register, { make: async () => store })
// @ts-expect-error a store has to come from somewhere
outboxContract(register, {})

/** What scripts say, step by step. */
export async function script(): Promise<void> {
  const server: ScriptedServer = await ScriptedServer.start({ port: 0 })
  for await (const connection of server) {
    const packet: Packet = await connection.next(PacketType.CONNECT)
    connection.acknowledge(packet)
    connection.publish('a', 'b', { qos: 1, retain: true })
    // @ts-expect-error there is no such quality
    connection.publish('a', 'b', { qos: 3 })
  }
  const pipe = { write: () => undefined, close: () => undefined, destroy: () => undefined }
  new ScriptedConnection(pipe, 4).autoRespond()

  const proxy: FaultProxy = await FaultProxy.start({ port: server.port }, { recordMax: 10 })
  const direction: Direction = 'to-client'
  const point: CutPoint = { direction, when: 'after', type: PacketType.PUBACK, nth: 2 }
  await proxy.cutAt(point)
  await proxy.cutAt({ direction, byte: 7 })
  // @ts-expect-error a cut is at a packet or at a byte
  await proxy.cutAt({ direction })
  const passed: readonly PassedPacket[] = proxy.record
  new MQTTClient(`c-${passed.length}`, proxy.url)
}
