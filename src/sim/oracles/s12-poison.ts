// S12: what ends connections is found, and nothing else is called so. A message is `poisoned` when its server
// ended at least as many connections as it takes; where nothing else ends any, when it ended them itself.
// And no process lets one message end more of them than it takes to find it.

import type { Faults } from '../faults.ts'
import { deviceOf } from '../names.ts'
import type { Observation, SentMessage } from '../observations.ts'
import type { Plan } from '../plan.ts'
import type { Oracle } from './oracle.ts'

/** Two deaths make a suspect, the third alone proves it. */
const DEATHS = 3
/** The most that one may end in one process: whatever was with it is tried alone as well, and some ends tell nothing. */
const KILLS_MAX = 12

/** Faults by which a server ends connections for no message's sake. */
const INNOCENT: readonly (keyof Faults['server'])[] = [
  'restart',
  'restartEmpty',
  'forgetSession',
  'kick',
  'takeOver',
  'garbage',
  'acceptThenKick',
  'fallAtPacket',
]

/** Faults behind which a close without a word is no longer one that comes right after the message. */
const SLOWING: readonly (keyof Faults['link'])[] = ['latency', 'bandwidth', 'stall', 'drip']

export class PoisonOracle implements Oracle {
  readonly name = 'S12'
  readonly hears: readonly Observation['kind'][] = [
    'boot',
    'publish',
    'attempt',
    'waiting',
    'lost',
    'closed',
    'fault',
    'settled',
  ]
  /** Whether nothing but a message makes a server end a connection. */
  readonly #isQuiet: boolean
  /** Connections that servers have ended, by device. */
  readonly #ended = new Map<string, number>()
  /** How many of them each device has heard of: what it publishes meanwhile may be on the wire when it does. */
  readonly #heard = new Map<string, number>()
  /** The same when each message was published. */
  readonly #before = new Map<SentMessage, number>()
  readonly #lives = new Map<string, number>()
  /** How many each message has ended in one process, by the process. */
  readonly #kills = new Map<SentMessage, { readonly life: number; readonly before: number }>()
  readonly #messages = new Map<number, SentMessage>()

  /** Whose server says nothing when it ends a connection, over a link that is too slow to tell by the time. */
  readonly #unheard: ReadonlySet<string>

  constructor({ faults, devices, servers }: Plan) {
    this.#isQuiet = INNOCENT.every((kind) => faults.server[kind] === undefined)
    const isSlow = SLOWING.some((kind) => faults.link[kind] !== undefined)
    const isOld = servers.some(({ only311 }) => only311)
    this.#unheard = new Set(
      devices
        .filter(({ protocol }) => isSlow && (isOld || protocol === 4))
        .map(({ clientId }) => clientId),
    )
  }

  observe(seen: Observation): string | undefined {
    switch (seen.kind) {
      case 'boot':
        this.#lives.set(seen.device, seen.life)
        return undefined
      case 'publish':
        this.#messages.set(seen.message.number, seen.message)
        this.#before.set(seen.message, this.#heard.get(seen.message.device) ?? 0)
        return undefined
      // A connection may be over at its server before the device hears that it is there.
      case 'attempt':
      case 'waiting':
      case 'lost':
        this.#heard.set(seen.device, this.#endedOf(seen.device))
        return undefined
      case 'closed': {
        const device = deviceOf(seen.connection.clientId)
        if (seen.byServer) this.#ended.set(device, this.#endedOf(device) + 1)
        return undefined
      }
      case 'fault':
        return seen.fault === 'server.poison' ? this.#judgeKill(seen.detail) : undefined
      case 'settled':
        return seen.outcome.status === 'poisoned' ? this.#judge(seen.message) : undefined
      default:
        return undefined
    }
  }

  #judge(message: SentMessage): string | undefined {
    const { number, device, kills } = message
    const deaths = this.#endedOf(device) - (this.#before.get(message) ?? 0)
    if (deaths < DEATHS) {
      return `#${number} is called poisoned, and its server has ended ${deaths} connections since`
    }
    if (!this.#isQuiet || kills > 0) return undefined
    return `#${number} is called poisoned, and has ended no connection`
  }

  #judgeKill(detail: string): string | undefined {
    const message = this.#messages.get(Number(detail.slice(1)))
    // Of `umqtt/simple`, which has no receipts, a message in flight is sent again for as long as its session lives.
    if (message === undefined || message.receiptId === '') return undefined
    const { device, number, kills } = message
    if (this.#unheard.has(device)) return undefined
    const life = this.#lives.get(device) ?? 0
    const known = this.#kills.get(message)
    // It is told when this one is counted already, or not yet: one more or less.
    if (known?.life !== life) this.#kills.set(message, { life, before: kills })
    const times = kills - (this.#kills.get(message)?.before ?? 0)
    if (times <= KILLS_MAX) return undefined
    return `#${number} has ended ${times} connections of process ${life} of ${device}, and is sent again`
  }

  #endedOf(device: string): number {
    return this.#ended.get(device) ?? 0
  }
}
