// A run in lines, one for each observation, and a hash over all of them: two runs with one hash went the same
// way. The lines are for people; the legend says what they mean.

import type { Packet } from '../codec/packets.ts'
import { packetName } from '../codec/carriers.ts'
import type { Observation } from './observations.ts'

/** What the columns of a line are. */
export const LEGEND = `\
time      virtual hours:minutes:seconds.milliseconds since the run began
C>        a packet of a client as it reaches the server;  <S  one of the server as it leaves
#n        a message of a device;  >n  one on its way to a device;  s n  a session of a server
boot, crash, power    a process begins, is killed, or dies with its power
publish, stored, stage, given up, settled    what the application sees of a message
taken     a server became the owner of a message
handled   a handler was given a message;  acked  the server knows that it was
fault     something was broken on purpose;  healed  from here on nothing is`

/** Mixes everything that is told into one number. */
export class Trace {
  /** The last lines, where they are kept. */
  readonly lines: string[] = []
  readonly #keepLines: number
  #high = 0x811c9dc5
  #low = 0x9e3779b9

  /** @param keepLines how many of the last lines are kept; 0: the hash alone */
  constructor(keepLines: number) {
    this.#keepLines = keepLines
  }

  /** Of everything so far, as 16 hexadecimal digits. */
  get hash(): string {
    return [this.#high, this.#low]
      .map((half) => (half >>> 0).toString(16).padStart(8, '0'))
      .join('')
  }

  add(at: number, observation: Observation): void {
    if (observation.kind === 'snapshot') return
    const text = lineOf(observation)
    this.#mix(at, text)
    if (this.#keepLines === 0) return
    this.lines.push(`${timeOf(at)} ${text}`)
    if (this.lines.length > 2 * this.#keepLines) this.lines.splice(0, this.#keepLines)
  }

  /** In local variables: this is done for each character of a run. */
  #mix(at: number, text: string): void {
    let high = Math.imul(this.#high ^ at, 0x01000193)
    let low = this.#low
    low = Math.imul((low << 5) ^ (low >>> 2) ^ at, 0x85ebca6b)
    for (let i = 0; i < text.length; i += 1) {
      const unit = text.charCodeAt(i)
      high = Math.imul(high ^ unit, 0x01000193)
      low = Math.imul((low << 5) ^ (low >>> 2) ^ unit, 0x85ebca6b)
    }
    this.#high = high
    this.#low = low
  }
}

/** Virtual ms as a person reads them. */
export function timeOf(at: number): string {
  const two = (value: number): string => `${Math.floor(value)}`.padStart(2, '0')
  const seconds = two((at / 1000) % 60)
  return `${two(at / 3_600_000)}:${two((at / 60_000) % 60)}:${seconds}.${`${at % 1000}`.padStart(3, '0')}`
}

function lineOf(seen: Observation): string {
  switch (seen.kind) {
    case 'boot':
      return `boot      ${seen.device} process ${seen.life}`
    case 'crash':
      return `${seen.power ? 'power    ' : 'crash    '} ${seen.device}`
    case 'attempt':
      return `attempt   ${seen.device} ${seen.number} at ${seen.server}`
    case 'waiting':
      return `waiting   ${seen.device} ${seen.delayMs} ms${seen.slowLane ? ', slow lane' : ''}: ${seen.why}`
    case 'connected':
      return `connected ${seen.device} ${seen.sessionPresent ? 'to its session' : 'to a new session'}`
    case 'lost':
      return `lost      ${seen.device}: ${seen.why}`
    case 'publish': {
      const { device, number, topic, policy } = seen.message
      return `publish   ${device} #${number} ${topic} QoS ${policy.qos} ${policyText(policy)}`
    }
    case 'stored':
      return `stored    ${seen.message.device} #${seen.message.number} ${seen.message.stored}`
    case 'absent':
      return `absent    ${seen.message.device} #${seen.message.number} is not in the outbox`
    case 'found':
      return `found     ${seen.message.device} #${seen.message.number} by process ${seen.life}`
    case 'given up':
      return `given up  ${seen.message.device} #${seen.message.number}${seen.absent ? ', never taken' : ''}`
    case 'stage':
      return `stage     ${seen.message.device} #${seen.message.number} ${seen.stage}`
    case 'settled': {
      const { status, attempts, reasonCode, possiblyDuplicated } = seen.outcome
      const reason = reasonCode === undefined ? '' : ` 0x${reasonCode.toString(16)}`
      const double = possiblyDuplicated ? ', possibly duplicated' : ''
      return `settled   ${seen.message.device} #${seen.message.number} ${status}${reason} after ${attempts} attempts${double}`
    }
    case 'packet': {
      const { serial, clientId, server } = seen.connection
      const way = seen.from === 'client' ? 'C>' : '<S'
      return `${way}        ${clientId} ${server}/${serial} ${packetText(seen.packet)}`
    }
    case 'closed':
      return `closed    ${seen.connection.clientId} ${seen.connection.server}/${seen.connection.serial}`
    case 'session':
      return `session   s${seen.session} ${seen.gone === undefined ? 'begins' : `gone: ${seen.gone}`}`
    case 'breach':
      return `breach    ${seen.connection.clientId}: ${seen.text}`
    case 'taken':
      return `taken     ${seen.message.device} #${seen.message.number} in s${seen.take.session}${seen.take.dup ? ' DUP' : ''}`
    case 'handled':
      return `handled   ${seen.delivery.device} >${seen.delivery.serial} QoS ${seen.delivery.qos}`
    case 'acknowledged':
      return `acked     ${seen.delivery.device} >${seen.delivery.serial}`
    case 'warning':
      return `warning   ${seen.device} ${seen.code}: ${seen.text}`
    case 'fault':
      return `fault     ${seen.fault} ${seen.target}${seen.detail === '' ? '' : `: ${seen.detail}`}`
    case 'act':
      return `act       ${seen.device} ${seen.what}`
    case 'deaf':
      return `deaf      ${seen.device} has no ${seen.filter}: ${seen.why}`
    case 'snapshot':
      return ''
    case 'healed':
      return 'healed'
    case 'over':
      return 'over'
  }
}

function policyText({
  energy,
  durable,
  expiresAfterMs,
}: {
  readonly energy: string
  readonly durable: string
  readonly expiresAfterMs: number
}): string {
  const expiry = expiresAfterMs === Infinity ? '' : `, ${expiresAfterMs} ms`
  return `(${energy}, durable ${durable}${expiry})`
}

function packetText(packet: Packet): string {
  const name = packetName(packet.type)
  const id = 'packetId' in packet && packet.packetId !== 0 ? ` ${packet.packetId}` : ''
  const code =
    'reasonCode' in packet && packet.reasonCode !== 0 ? ` 0x${packet.reasonCode.toString(16)}` : ''
  if (packet.type === 3) {
    return `${name}${id} ${packet.topic} QoS ${packet.qos}${packet.dup ? ' DUP' : ''} ${packet.payload.length} B`
  }
  if (packet.type === 1) return `${name} ${packet.cleanStart ? 'clean' : 'resuming'}`
  if (packet.type === 2) return `${name}${code}${packet.sessionPresent ? ' session present' : ''}`
  return `${name}${id}${code}`
}
