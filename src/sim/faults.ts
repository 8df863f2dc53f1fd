// What can go wrong, as data: one struct for each part of the world, with what each number means. A fault
// that is left out never happens. Two steps: a run arms some of them, with numbers of its own, and while it
// goes on they fire at random; so runs differ in kind and not only in number.

/** A fault that comes at random, on its own, and goes by itself. */
export interface Episode {
  /** The mean time between two of them, virtual ms. */
  readonly everyMs: number
  /** How long one lasts in the mean, virtual ms. */
  readonly forMs: number
}

/** A fault that comes at random and is over at once. */
export interface Blow {
  /** The mean time between two of them, virtual ms. */
  readonly everyMs: number
}

/** Something that happens with a probability, 0 to 1, each time that it can. */
export interface Odds {
  readonly probability: number
}

/** Of the link between one device and its servers. Nothing here reorders bytes: TCP does not. */
export interface LinkFaults {
  /** Each way takes this long, ms, and up to `jitterMs` more. */
  readonly latency?: { readonly latencyMs: number; readonly jitterMs: number }
  /** Bytes a second each way; what is sent faster waits. */
  readonly bandwidth?: { readonly bytesPerSecond: number }
  /** The connection is reset; both ends are told. */
  readonly cut?: Blow
  /** Each new connection is reset when about this many bytes have passed one way: in the middle of a packet. */
  readonly cutAtByte?: Odds & { readonly bytes: number }
  /** What the device sends is swallowed, and nobody is told. */
  readonly halfOpenToServer?: Episode
  /** What the server sends is swallowed, and nobody is told. */
  readonly halfOpenToDevice?: Episode
  /** Nothing passes either way; it all passes when it is over. */
  readonly stall?: Episode
  /** Bytes pass one or a few at a time. */
  readonly drip?: Episode & { readonly bytes: number }
  /** Whoever dials is let in and thrown out before CONNACK. */
  readonly acceptThenClose?: Episode
  /** Whoever dials is refused. */
  readonly refuse?: Episode
  /** Whoever dials hears nothing. */
  readonly blackHole?: Episode
  /** The network is gone: everything under way is swallowed, and whoever dials hears nothing. */
  readonly partition?: Episode
}

/** Of one server. */
export interface ServerFaults {
  /** Down for a while, then back with its sessions. */
  readonly restart?: Episode
  /** Down for a while, then back with nothing. */
  readonly restartEmpty?: Episode
  /** One session is forgotten; its connection ends. */
  readonly forgetSession?: Blow
  /** CONNECT is refused with one of these reasons. On MQTT 3.1.1 the nearest return code stands for it. */
  readonly refuseConnect?: Episode & { readonly reasonCodes: readonly number[] }
  /** CONNECT is refused with 0x9C or 0x9D, and another server of the run is named. */
  readonly redirect?: Episode
  /** A connection is ended with one of these reasons; on MQTT 3.1.1 without a word. */
  readonly kick?: Blow & { readonly reasonCodes: readonly number[] }
  /** Another client of the same identifier connects: 0x8E. */
  readonly takeOver?: Blow
  /** An acknowledgement is never sent. */
  readonly withhold?: Odds
  /** Acknowledgements come late, by up to this many ms. */
  readonly delay?: Odds & { readonly delayMs: number }
  /** An acknowledgement comes for a packet id that is not in use; with `repeats` PUBREC also a second time. */
  readonly misnumber?: Odds & { readonly repeats?: boolean }
  /** A message is turned away with one of these reasons; MQTT 5 only. */
  readonly refusePublish?: Odds & { readonly reasonCodes: readonly number[] }
  /** A filter is refused with 0x80. */
  readonly refuseSubscribe?: Odds
  /** CONNACK has low limits; MQTT 5 only. */
  readonly lowLimits?: {
    readonly receiveMaximum: number
    readonly topicAliasMaximum: number
    readonly maximumPacketSizeBytes: number
    readonly maximumQoS: 1 | 2
    /** How many connections have them, 0 to 1; the others have none. @default 1 */
    readonly part?: number
  }
  /** Bytes that are no packet. */
  readonly garbage?: Blow
  /**
   * Goes down after about this many packets, whatever it is in the middle of, for `forMs`, and comes back
   * without its sessions with this probability, 0 to 1.
   */
  readonly fallAtPacket?: {
    readonly packets: number
    readonly forMs: number
    readonly forgets: number
  }
  /** Whoever connects is let in, and ended with one of these reasons after about `afterMs`. */
  readonly acceptThenKick?: Episode & {
    readonly afterMs: number
    readonly reasonCodes: readonly number[]
  }
  /** Receive Maximum is another one at each CONNACK; MQTT 5 only. */
  readonly changingMaximum?: { readonly receiveMaximums: readonly number[] }
  /**
   * One message in so many ends each connection that brings it, with one of these reasons; on MQTT 3.1.1
   * without a word.
   */
  readonly poison?: { readonly oneIn: number; readonly reasonCodes: readonly number[] }
}

/** Of the disk of one device. */
export interface DiskFaults {
  /** Each operation takes up to this long, ms. */
  readonly slow?: { readonly delayMs: number }
  /** A write or a sync fails; the process finds its outbox unusable until it is started anew. */
  readonly fail?: Odds
  /** No room for a while. */
  readonly full?: Episode
  /**
   * What was not synced when the power went: lost whole, torn into sectors, or there. Without this it is
   * there, as after a crash of the process alone.
   */
  readonly loseUnsynced?: Odds
}

/** Of the process on one device. */
export interface ProcessFaults {
  /** Killed at a random moment, and started again after `forMs`. */
  readonly crash?: Episode
  /** Killed after about this many of its reads, writes and packets, wherever it is then. */
  readonly crashAtStep?: { readonly steps: number; readonly forMs: number }
  /** The power goes, and comes back after `forMs`; the other end is told nothing. */
  readonly powerLoss?: Episode
  /** Time stands still for the process, as for a machine that sleeps. */
  readonly sleep?: Episode
  /**
   * The power of the whole place goes: of the network at once, of the device when its battery is empty after
   * about `batteryMs`. Its wall clock falls back by `clockMs` until the network sets it, which comes back about
   * `networkMs` after the device.
   */
  readonly blackout?: Episode & {
    readonly batteryMs: number
    readonly networkMs: number
    readonly clockMs: number
  }
}

/** Of the clocks of one device. */
export interface ClockFaults {
  /** The wall clock is set, by up to this much in either direction, ms. */
  readonly jump?: Blow & { readonly jumpMs: number }
  /** The clocks of the device run this much faster (above 1) or slower than the world's. */
  readonly drift?: { readonly rate: number }
}

/** All of a run. */
export interface Faults {
  readonly link: LinkFaults
  readonly server: ServerFaults
  readonly disk: DiskFaults
  readonly process: ProcessFaults
  readonly clock: ClockFaults
}

/** A world in which nothing goes wrong. */
export const NO_FAULTS: Faults = Object.freeze({
  link: {},
  server: {},
  disk: {},
  process: {},
  clock: {},
})

/** Every kind of fault, by the part of the world that it belongs to. */
export const FAULT_KINDS: { readonly [P in keyof Faults]: readonly (keyof Required<Faults[P]>)[] } =
  {
    link: [
      'latency',
      'bandwidth',
      'cut',
      'cutAtByte',
      'halfOpenToServer',
      'halfOpenToDevice',
      'stall',
      'drip',
      'acceptThenClose',
      'refuse',
      'blackHole',
      'partition',
    ],
    server: [
      'restart',
      'restartEmpty',
      'forgetSession',
      'refuseConnect',
      'redirect',
      'kick',
      'takeOver',
      'withhold',
      'delay',
      'misnumber',
      'refusePublish',
      'refuseSubscribe',
      'lowLimits',
      'garbage',
      'fallAtPacket',
      'acceptThenKick',
      'changingMaximum',
      'poison',
    ],
    disk: ['slow', 'fail', 'full', 'loseUnsynced'],
    process: ['crash', 'crashAtStep', 'powerLoss', 'sleep', 'blackout'],
    clock: ['jump', 'drift'],
  }

/** The kinds as `part.kind`, such as `link.cut`. */
export const FAULT_NAMES: readonly string[] = Object.entries(FAULT_KINDS).flatMap(([part, kinds]) =>
  kinds.map((kind) => `${part}.${kind}`),
)

/** The names of the faults that are armed. */
export function armedNames(faults: Faults): string[] {
  return Object.entries(faults).flatMap(([part, armed]) =>
    Object.entries(armed as object)
      .filter(([, fault]) => fault !== undefined)
      .map(([kind]) => `${part}.${kind}`),
  )
}

/** The same faults but for those that are not named. */
export function keepFaults(faults: Faults, names: readonly string[]): Faults {
  const kept = Object.entries(faults).map(([part, armed]) => [
    part,
    Object.fromEntries(
      Object.entries(armed as object).filter(([kind]) => names.includes(`${part}.${kind}`)),
    ),
  ])
  return Object.fromEntries(kept) as Faults
}
