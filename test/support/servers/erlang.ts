// What servers in Erlang need beside themselves: a port mapper that tells nodes where others are. The
// usual one is a daemon that never ends and listens everywhere; this one is ours, on loopback.

import { programPath } from '../skip.ts'
import type { Command } from './guarded-process.ts'
import { LOOPBACK } from './server.ts'

/** Nodes trust each other by it; they listen on loopback alone. */
export const COOKIE = 'umqtt-test'

/** The argument of Erlang that keeps the links between nodes on loopback. */
export const ON_LOOPBACK = ['-kernel', 'inet_dist_use_interface', '{127,0,0,1}'] as const

/** Runs the port mapper. */
export function portMapper(port: number): Command {
  const args = ['-d', '-port', `${port}`, '-address', LOOPBACK]
  return { program: programPath('epmd'), args, ready: /epmd running/ }
}

/** What makes a node use it. */
export function portMapperEnv(port: number): Readonly<Record<string, string>> {
  return { ERL_EPMD_PORT: `${port}`, ERL_EPMD_ADDRESS: LOOPBACK }
}

/** A text as the bytes of an Erlang binary, whatever is in it. */
export function binary(text: string): string {
  return `<<${[...Buffer.from(text)].join(',')}>>`
}
