// `umqtt/testing` on Node, Bun and Deno: beside what runs everywhere, the two that listen on a port.
// Names alone: what is missing here is missing on purpose.

export { FaultProxy } from './testing/fault-proxy.ts'
export type {
  CutPoint,
  Direction,
  FaultProxyOptions,
  PassedPacket,
  ProxyTarget,
} from './testing/fault-types.ts'
export { ScriptedServer } from './testing/scripted-server.ts'
export type { ScriptedServerOptions } from './testing/scripted-server.ts'
export * from './testing/public.ts'
