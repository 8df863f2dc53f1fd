// A disk for the log that loses and tears whatever was not synced, stops at any step that it is told, and
// can be full. Rule: what a sync promised is there after the power comes back, and of everything else any
// part may be, in any order. It runs on any engine and takes its chance from a seed.

import { StoreError } from '../../src/errors.ts'
import type { Files, LogFile } from '../../src/outbox/log/files.ts'

const SECTOR = 64

/** Whole numbers below `limit`, the same ones for the same seed. */
export type Dice = (limit: number) => number

/** Makes dice (mulberry32). */
export function dice(seed: number): Dice {
  let state = seed >>> 0
  return (limit) => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) % limit
  }
}

/** What happens at a power cut to what was not synced. */
export type Loss = 'nothing' | 'all' | 'some'

interface Inode {
  safe: Uint8Array
  now: Uint8Array
  unsynced: { readonly offset: number; readonly bytes: Uint8Array }[]
}

/** The power is gone: nothing more happens on this disk. */
export class PowerLoss extends StoreError {
  constructor() {
    super('ERR_MQTT_STORE_UNAVAILABLE', 'The power is gone')
  }
}

function written(base: Uint8Array, offset: number, bytes: Uint8Array): Uint8Array {
  const larger = new Uint8Array(Math.max(base.length, offset + bytes.length))
  larger.set(base)
  larger.set(bytes, offset)
  return larger
}

/** One folder on a disk. */
export class SimulatedDisk implements Files {
  /** Steps that changed or synced something. */
  steps = 0
  /** Syncs of files. */
  syncs = 0
  /** The step at which the power goes. */
  cutAt = Infinity
  /** The room for all files together. */
  capacityBytes = Infinity
  #safeNames = new Map<string, Inode>()
  #names = new Map<string, Inode>()

  /** The names and contents as a program sees them. */
  get contents(): ReadonlyMap<string, Uint8Array> {
    return new Map(Array.from(this.#names, ([name, { now }]) => [name, now]))
  }

  /** Changes bytes behind everybody's back. */
  damage(name: string, offset: number, change: (byte: number) => number): void {
    const inode = this.#names.get(name)!
    for (const bytes of new Set([inode.now, inode.safe])) bytes[offset] = change(bytes[offset]!)
  }

  /** The disk after the power came back. */
  afterPowerLoss(loss: Loss, roll: Dice): SimulatedDisk {
    const kept = (): boolean => loss === 'nothing' || (loss === 'some' && roll(2) === 0)
    const disk = new SimulatedDisk()
    const names = new Map(this.#safeNames)
    for (const name of new Set([...this.#names.keys(), ...this.#safeNames.keys()])) {
      const inode = this.#names.get(name)
      if (inode === this.#safeNames.get(name) || !kept()) continue
      if (inode === undefined) names.delete(name)
      else names.set(name, inode)
    }
    for (const [name, inode] of names) {
      let bytes = inode.safe
      for (const write of inode.unsynced) {
        if (loss === 'some') bytes = torn(bytes, write, roll)
        else if (loss === 'nothing') bytes = written(bytes, write.offset, write.bytes)
      }
      const copy = bytes.slice()
      const found: Inode = { safe: copy, now: copy, unsynced: [] }
      disk.#names.set(name, found)
      disk.#safeNames.set(name, found)
    }
    return disk
  }

  async list(): Promise<readonly string[]> {
    this.#checkPower()
    return [...this.#names.keys()]
  }

  async open(name: string, create: boolean): Promise<LogFile> {
    this.#checkPower()
    const there = this.#names.get(name)
    if ((there !== undefined) === create) throw new Error(`"${name}": create is ${create}`)
    if (there !== undefined) return this.#file(there)
    this.#step()
    const inode: Inode = { safe: new Uint8Array(), now: new Uint8Array(), unsynced: [] }
    this.#names.set(name, inode)
    return this.#file(inode)
  }

  async remove(name: string): Promise<void> {
    this.#checkPower()
    this.#step()
    if (!this.#names.delete(name)) throw new Error(`"${name}" is not there`)
  }

  async syncFolder(): Promise<void> {
    this.#checkPower()
    this.#step()
    this.#safeNames = new Map(this.#names)
  }

  #checkPower(): void {
    if (this.steps >= this.cutAt) throw new PowerLoss()
  }

  #step(): void {
    this.steps++
    this.#checkPower()
  }

  #file(inode: Inode): LogFile {
    let closed = false
    const check = (): void => {
      this.#checkPower()
      if (closed) throw new Error('The file is closed')
    }
    return {
      size: async () => {
        check()
        return inode.now.length
      },
      read: async (offset, length) => {
        check()
        return inode.now.slice(offset, offset + length)
      },
      write: async (bytes, offset) => {
        check()
        const room = this.#room() + Math.max(inode.now.length - offset, 0)
        const part = bytes.slice(0, room)
        inode.unsynced.push({ offset, bytes: part })
        inode.now = written(inode.now, offset, part)
        if (part.length < bytes.length) {
          throw new StoreError('ERR_MQTT_STORE_FULL', 'The simulated disk is full')
        }
        // The power goes with the bytes on their way.
        this.#step()
      },
      sync: async () => {
        check()
        this.#step()
        this.syncs++
        inode.safe = inode.now
        inode.unsynced = []
      },
      close: async () => {
        closed = true
      },
    }
  }

  #room(): number {
    let used = 0
    for (const { now } of this.#names.values()) used += now.length
    return Math.max(this.capacityBytes - used, 0)
  }
}

/** A write of which some sectors reached the disk: others are as before, zero, or anything. */
function torn(base: Uint8Array, write: Inode['unsynced'][number], roll: Dice): Uint8Array {
  const { offset, bytes } = write
  const how = roll(4)
  if (how === 0) return base
  if (how === 1) return written(base, offset, bytes)
  if (how === 2) return written(base, offset, bytes.slice(0, roll(bytes.length + 1)))
  let result = base
  for (let at = 0; at < bytes.length; at += SECTOR) {
    const sector = bytes.slice(at, at + SECTOR)
    const fate = roll(4)
    if (fate === 0) continue
    if (fate === 1) sector.fill(roll(2) * 0xff)
    result = written(result, offset + at, sector)
  }
  return result
}
