#!/usr/bin/env node
// The `umqtt` command: gives `cli.ts` the process. The first SIGINT or SIGTERM asks the command to end in an
// orderly way, the second one ends it at once.

import { readFileSync } from 'node:fs'
import { runCli } from './cli.ts'
import { Stop } from './command.ts'
import { openDescriptor } from './descriptor.ts'
import { ENDINGS } from './exit-codes.ts'
import { Terminal } from './terminal.ts'

const { env, stdin, stdout, stderr } = process
const err = new Terminal(stderr, env)
const stopping = new AbortController()

const stop = (ending: Stop['ending']): void => {
  if (stopping.signal.aborted) process.exit(ENDINGS[ending].code)
  stopping.abort(new Stop(ending))
}
process.on('SIGINT', () => {
  // The terminal has shown "^C", and goes on behind it.
  if (err.isTerminal && !stopping.signal.aborted) void err.line()
  stop('interrupted')
})
process.on('SIGTERM', () => stop('terminated'))
stdout.on('error', () => {
  if (!stopping.signal.aborted) stop('closedPipe')
})
// Nobody is left to be told of it.
stderr.on('error', () => undefined)

const { version } = JSON.parse(
  readFileSync(new URL('../../package.json', import.meta.url), 'utf8'),
) as { version: string }

const context = {
  env,
  stdin,
  stdinDescriptor: 0,
  out: new Terminal(stdout, env, err),
  err,
  openDescriptor,
  stopped: stopping.signal,
}

// Whatever is left open, such as an output that nobody reads: the command is over.
process.exit(await runCli(process.argv.slice(2), context, version))
