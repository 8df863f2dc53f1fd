// Tells on standard error how it goes with the connection: on a terminal in a line that the next one replaces,
// elsewhere only what is new. No secret is in it: an error names the server and the reason alone.

import type { MQTTClient } from '../robust.node.ts'
import type { Terminal } from './terminal.ts'
import { inOptions } from './words.ts'

/** How much is told. */
export interface Talk {
  readonly debug: boolean
  readonly quiet: boolean
}

/** Tells of the attempts, the losses and the warnings of a client. */
export function reportConnection(client: MQTTClient, err: Terminal, { debug, quiet }: Talk): void {
  if (quiet) return
  let last = ''
  let wasConnected = false
  const say = (text: string): void => void err.say('yellow', inOptions(text))
  client.on('warning', ({ message }) => say(message))
  client.on('waiting', ({ delayMs, error, slowLane }) => {
    const when = Number.isFinite(delayMs) ? `; again in ${secondsOf(delayMs)} s` : ''
    if (debug) return say(`${error.message}${when}`)
    // It ends the command, which says why.
    if (slowLane && !wasConnected) return
    const text = slowLane ? `${error.message}: it has to be mended` : error.message
    if (text === last) return err.status(inOptions(`${text}${when}`))
    last = text
    say(`${text}${when}`)
  })
  client.on('connected', ({ sessionPresent, protocol }) => {
    if (debug)
      say(`connected, MQTT ${protocol === 5 ? '5.0' : '3.1.1'}, ${session(sessionPresent)}`)
    else if (last !== '') say('connected again')
    last = ''
    wasConnected = true
  })
  if (debug) client.on('attempt', ({ number, server }) => say(`attempt ${number}: ${server}`))
}

/** Tells that messages to us may be missing, and from when to when. */
export function reportSessionLoss(client: MQTTClient, err: Terminal): void {
  client.on('session-lost', ({ fromMs, toMs }) => {
    // Of a session of an earlier process nobody knows when it was lost.
    const when = fromMs > 0 ? ` of ${secondsOf(toMs - fromMs)} s` : ''
    void err.say('yellow', `the server has forgotten the session: messages${when} may be missing`)
  })
}

const session = (isPresent: boolean): string => (isPresent ? 'session kept' : 'new session')

const secondsOf = (ms: number): string => (ms / 1_000).toFixed(ms < 10_000 ? 1 : 0)
