// The second of the two steps: the faults that a run has armed fire while it goes on, at random moments.
// It knows when; what a fault does is told by the part of the world that it befalls.

import type { Disk } from './disk.ts'
import type { Faults } from './faults.ts'
import type { Link } from './link.ts'
import type { Random } from './random.ts'
import type { ModelServer } from './server/server.ts'
import type { World } from './world.ts'

const SERVER_EPISODES = [
  'restart',
  'restartEmpty',
  'refuseConnect',
  'redirect',
  'acceptThenKick',
] as const

/** A device as faults befall it. */
export interface Victim {
  readonly name: string
  readonly link: Link
  /** Absent where it keeps nothing. */
  readonly disk?: Disk
  /** The process dies, with the power or without, and another is started after a while. */
  crash(power: boolean, forMs: number): void
  /** Time stands still for the process. */
  sleep(forMs: number): void
  /** Absent where nothing depends on it. */
  jumpWallClock?(byMs: number): void
}

/** Where things happen, and until when. */
interface Stage {
  readonly world: World
  readonly isOver: () => boolean
}

/** Something that comes and goes, or comes alone when it has no end. */
interface Happening {
  readonly name: string
  readonly target: string
  readonly everyMs: number
  readonly forMs?: number
  /** @returns what more is to be said of it */
  readonly begin: (forMs: number) => string | void
  readonly end?: () => void
}

/**
 * Arms everything; what is armed fires until the world is healed.
 * @param isOver whether nothing that is armed here fires any more
 */
export function inject(
  world: World,
  random: Random,
  faults: Faults,
  devices: readonly Victim[],
  servers: readonly ModelServer[],
  isOver: () => boolean = () => world.healed,
): void {
  const all = [
    ...devices.flatMap((device) =>
      ofDevice({ world, isOver }, device, faults, random.fork(device.name)),
    ),
    ...servers.flatMap((server) => ofServer(server, faults, random.fork(server.options.host))),
  ]
  for (const happening of all) repeat(world, random.fork(happening.name), happening, isOver)
}

function repeat(world: World, random: Random, happening: Happening, isOver: () => boolean): void {
  const { name, target, everyMs, forMs = 0, begin, end } = happening
  world.agenda.after(random.exponential(everyMs), () => {
    if (isOver()) return
    const lasts = forMs === 0 ? 0 : random.exponential(forMs)
    const more = begin(lasts)
    world.fire(name, target, [lasts > 0 ? `${lasts} ms` : '', more ?? ''].join(' ').trim())
    if (end !== undefined) {
      world.agenda.after(lasts, () => {
        if (!isOver()) end()
      })
    }
    repeat(world, random, happening, isOver)
  })
}

function ofDevice(
  { world: { agenda }, isOver }: Stage,
  device: Victim,
  faults: Faults,
  random: Random,
): Happening[] {
  const { link, clock } = faults
  const { name: target, disk } = device
  const list: Happening[] = []
  const episodes = [
    'halfOpenToServer',
    'halfOpenToDevice',
    'stall',
    'drip',
    'acceptThenClose',
    'refuse',
    'blackHole',
    'partition',
  ] as const
  for (const kind of episodes) {
    const fault = link[kind]
    if (fault === undefined) continue
    list.push({
      ...fault,
      name: `link.${kind}`,
      target,
      begin: () => device.link.begin(kind),
      end: () => device.link.end(kind),
    })
  }
  if (link.cut !== undefined) {
    list.push({ ...link.cut, name: 'link.cut', target, begin: () => device.link.cut() })
  }
  if (faults.disk.full !== undefined && disk !== undefined) {
    list.push({
      ...faults.disk.full,
      name: 'disk.full',
      target,
      begin: () => disk.beginFull(),
      end: () => disk.endFull(),
    })
  }
  const { crash, powerLoss, sleep, blackout } = faults.process
  if (crash !== undefined) {
    const begin = (forMs: number): void => device.crash(false, forMs)
    list.push({ ...crash, name: 'process.crash', target, begin })
  }
  if (powerLoss !== undefined) {
    const begin = (forMs: number): void => device.crash(true, forMs)
    list.push({ ...powerLoss, name: 'process.powerLoss', target, begin })
  }
  if (sleep !== undefined) {
    const begin = (forMs: number): void => device.sleep(forMs)
    list.push({ ...sleep, name: 'process.sleep', target, begin })
  }
  if (blackout !== undefined) {
    const begin = (forMs: number): string => {
      const { batteryMs, networkMs, clockMs } = blackout
      const lastsMs = random.exponential(batteryMs)
      const laterMs = random.exponential(networkMs)
      device.link.begin('partition')
      agenda.after(lastsMs, () => {
        if (isOver()) return
        device.jumpWallClock?.(-clockMs)
        device.crash(true, forMs)
        agenda.after(forMs + laterMs, () => {
          device.jumpWallClock?.(clockMs)
          if (!isOver()) device.link.end('partition')
        })
      })
      return `of the device after ${lastsMs} ms, the network comes ${laterMs} ms later`
    }
    list.push({ ...blackout, name: 'process.blackout', target, begin })
  }
  const { jump } = clock
  if (jump !== undefined && device.jumpWallClock !== undefined) {
    const begin = (): string => {
      const byMs = random.integer(-jump.jumpMs, jump.jumpMs)
      device.jumpWallClock?.(byMs)
      return `${byMs} ms`
    }
    list.push({ ...jump, name: 'clock.jump', target, begin })
  }
  return list
}

function ofServer(server: ModelServer, { server: faults }: Faults, random: Random): Happening[] {
  const target = server.options.host
  const list: Happening[] = []
  for (const kind of SERVER_EPISODES) {
    const fault = faults[kind]
    if (fault === undefined) continue
    list.push({
      everyMs: fault.everyMs,
      forMs: fault.forMs,
      name: `server.${kind}`,
      target,
      begin: () => server.begin(kind),
      end: () => server.end(kind),
    })
  }
  const { forgetSession, kick, takeOver, garbage } = faults
  if (forgetSession !== undefined) {
    const begin = (): void => server.forgetSession()
    list.push({ ...forgetSession, name: 'server.forgetSession', target, begin })
  }
  if (kick !== undefined) {
    const begin = (): string => {
      const reasonCode = random.pick(kick.reasonCodes)
      server.kick(reasonCode)
      return `0x${reasonCode.toString(16)}`
    }
    list.push({ everyMs: kick.everyMs, name: 'server.kick', target, begin })
  }
  if (takeOver !== undefined) {
    const begin = (): void => server.kick(0x8e)
    list.push({ ...takeOver, name: 'server.takeOver', target, begin })
  }
  if (garbage !== undefined) {
    const begin = (): void => server.sendGarbage()
    list.push({ ...garbage, name: 'server.garbage', target, begin })
  }
  return list
}
