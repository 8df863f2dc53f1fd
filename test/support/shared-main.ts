// Runs programs one after another within this one process, as it is told by messages: the first is over when
// nothing keeps the process alive any more, where one of its own would have ended by itself. A program that fails
// takes the process with it, as it would its own.

import { writeSync } from 'node:fs'
import { once } from 'node:events'
import { pathToFileURL } from 'node:url'
import { END, OVER, type Order } from './shared-process.ts'

/** What Node says when the loop is empty while the program still waits for something. */
const UNSETTLED = 13

const outside = { ...process.env }
let runs = 0
let settled = true

process.on('beforeExit', () => {
  if (!settled) process.exit(UNSETTLED)
  // There is nothing more to run: what programs have left behind goes down with the process.
  if (!process.connected) return
  // The first time, nothing has run yet.
  if (runs > 0) {
    writeSync(1, END)
    writeSync(2, `${process.exitCode ?? 0}${END}`)
  }
  void next()
})

async function next(): Promise<void> {
  const [order] = (await once(process, 'message')) as [Order | typeof OVER]
  if (order === OVER) return process.disconnect()
  const { path, args, env } = order
  for (const name of Object.keys(process.env)) delete process.env[name]
  Object.assign(process.env, outside, env)
  process.argv.splice(1, Infinity, path, ...args)
  process.exitCode = undefined
  runs += 1
  settled = false
  const url = pathToFileURL(path)
  // A module runs once: each run has one of its own.
  url.searchParams.set('run', `${runs}`)
  await import(url.href)
  settled = true
}
