// The commands there are, by name. Each is loaded when it is asked for, so that one starts as fast as it can.
// Knows what they are called, and nothing of what they do.

import type { Command } from './command.ts'
import { completionsCommand } from './completions.ts'

type Load = () => Promise<Command>

/** In the order of the help. */
const LOADERS: Readonly<Record<string, Load>> = {
  pub: async () => (await import('./pub/pub.ts')).pubCommand,
  sub: async () => (await import('./sub/sub.ts')).subCommand,
  check: async () => (await import('./check/check.ts')).checkCommand,
  outbox: async () => (await import('./outbox/outbox.ts')).outboxCommand,
  decode: async () => (await import('./decode/decode.ts')).decodeCommand,
  completions: () => Promise.resolve(completionsCommand(allCommands)),
}

/** The command of a name; undefined when there is none. */
export function loadCommand(name: string): Promise<Command> | undefined {
  return Object.hasOwn(LOADERS, name) ? LOADERS[name]?.() : undefined
}

/** All of them. */
export function allCommands(): Promise<readonly Command[]> {
  return Promise.all(Object.values(LOADERS).map((load) => load()))
}

/** Their names. */
export function commandNames(): readonly string[] {
  return Object.keys(LOADERS)
}
