// The disk of one device: files that the log is written to. It takes its time, fails, is full, and at the
// loss of power it loses or tears whatever was not synced. Rule: what a sync promised is there after the
// power comes back; of everything else any part may be, in any order. What happens when is told to it.

import { StoreError } from '../errors.ts'
import type { Files, LogFile } from '../outbox/log/files.ts'
import type { DiskFaults } from './faults.ts'
import type { Random } from './random.ts'
import type { LifeView } from './life.ts'
import type { World } from './world.ts'

const SECTOR = 64
const GROWTH = 4096

/** A write that is not safe yet, and what was there before it. */
interface Unsynced {
  readonly offset: number
  readonly bytes: Uint8Array
  readonly before: Uint8Array
  readonly lengthBefore: number
}

/** The contents of a file, as programs see it. */
class Inode {
  bytes = new Uint8Array(GROWTH)
  length = 0
  unsynced: Unsynced[] = []

  write(offset: number, bytes: Uint8Array): void {
    const end = offset + bytes.length
    const lengthBefore = this.length
    const before = this.bytes.slice(offset, Math.min(end, this.length))
    this.unsynced.push({ offset, bytes, before, lengthBefore })
    this.put(offset, bytes)
  }

  put(offset: number, bytes: Uint8Array): void {
    const end = offset + bytes.length
    if (end > this.bytes.length) {
      const larger = new Uint8Array(Math.max(end, 2 * this.bytes.length))
      larger.set(this.bytes)
      this.bytes = larger
    }
    if (offset > this.length) this.bytes.fill(0, this.length, offset)
    this.bytes.set(bytes, offset)
    this.length = Math.max(this.length, end)
  }

  /** The contents as they were at the last sync. */
  revert(): void {
    for (const { offset, before, lengthBefore } of this.unsynced.reverse()) {
      this.bytes.set(before, offset)
      this.length = lengthBefore
    }
    this.unsynced.reverse()
  }
}

/** One folder. */
export class Disk {
  /** The room for all files together. */
  #capacityBytes = Infinity
  readonly #world: World
  readonly #random: Random
  readonly #faults: DiskFaults
  readonly #name: string
  #names = new Map<string, Inode>()
  /** Names as they are safe. */
  #safeNames = new Map<string, Inode>()

  constructor(world: World, random: Random, faults: DiskFaults, name: string) {
    this.#world = world
    this.#random = random
    this.#faults = faults
    this.#name = name
  }

  get usedBytes(): number {
    let used = 0
    for (const { length } of this.#names.values()) used += length
    return used
  }

  /** From now on there is no more room than what is used. */
  beginFull(): void {
    // What is given up on a full disk is not taken by others.
    if (this.#capacityBytes === Infinity) this.#capacityBytes = this.usedBytes
  }

  endFull(): void {
    this.#capacityBytes = Infinity
  }

  /** The power is gone: what was not synced may be lost. */
  losePower(): void {
    const { loseUnsynced } = this.#faults
    const losing = loseUnsynced !== undefined && !this.#world.healed
    if (!losing || !this.#random.chance(loseUnsynced.probability)) return
    this.#world.fire('disk.loseUnsynced', this.#name)
    const names = new Map(this.#safeNames)
    for (const name of new Set([...this.#names.keys(), ...this.#safeNames.keys()])) {
      const inode = this.#names.get(name)
      if (inode === this.#safeNames.get(name) || this.#random.chance(0.5)) continue
      if (inode === undefined) names.delete(name)
      else names.set(name, inode)
    }
    for (const inode of names.values()) {
      inode.revert()
      for (const write of inode.unsynced) this.#tear(inode, write)
      inode.unsynced = []
    }
    this.#names = names
    this.#safeNames = new Map(names)
  }

  /** The files as a process sees them. */
  files(user: LifeView): Files {
    const act = <T>(action: () => T, writes: boolean): Promise<T> => this.#act(user, action, writes)
    return {
      list: () => act(() => [...this.#names.keys()], false),
      open: (name, create) =>
        act(() => {
          const there = this.#names.get(name)
          if ((there !== undefined) === create) {
            throw new Error(`Cannot open "${name}": it is ${create ? 'there' : 'not there'}`)
          }
          const inode = there ?? new Inode()
          if (there === undefined) this.#names.set(name, inode)
          return this.#open(inode, act)
        }, create),
      remove: (name) =>
        act(() => {
          if (!this.#names.delete(name)) throw new Error(`Cannot remove "${name}": it is not there`)
        }, true),
      syncFolder: () => act(() => void (this.#safeNames = new Map(this.#names)), true),
    }
  }

  #open(inode: Inode, act: <T>(action: () => T, writes: boolean) => Promise<T>): LogFile {
    return {
      size: () => act(() => inode.length, false),
      read: (offset, length) =>
        act(() => inode.bytes.slice(offset, Math.min(offset + length, inode.length)), false),
      write: (bytes, offset) =>
        act(() => {
          const room = this.#room + Math.max(0, inode.length - offset)
          const part = bytes.slice(0, room)
          inode.write(offset, part)
          if (part.length < bytes.length) {
            this.#world.fire('disk.full', this.#name)
            throw new StoreError('ERR_MQTT_STORE_FULL', 'Cannot write: the disk is full')
          }
        }, true),
      sync: () => act(() => void (inode.unsynced = []), true),
      close: () => Promise.resolve(),
    }
  }

  get #room(): number {
    return Math.max(0, this.#capacityBytes - this.usedBytes)
  }

  /** Does something after the time that the disk takes, and the process may die before and after it. */
  #act<T>(user: LifeView, action: () => T, writes: boolean): Promise<T> {
    const { slow, fail } = this.#faults
    const { healed } = this.#world
    let delayMs = 1
    if (slow !== undefined && !healed) {
      this.#world.count('disk.slow')
      delayMs = this.#random.integer(1, slow.delayMs)
    }
    const diesFirst = this.#random.chance(0.5)
    const fails = writes && fail !== undefined && !healed && this.#random.chance(fail.probability)
    return new Promise((resolve, reject) => {
      user.later(delayMs, () => {
        if (diesFirst) user.step()
        if (!user.alive()) return
        if (fails) {
          this.#world.fire('disk.fail', this.#name)
          reject(new StoreError('ERR_MQTT_STORE_UNAVAILABLE', 'Cannot write: the disk failed'))
          return
        }
        try {
          const result = action()
          if (!diesFirst) user.step()
          if (user.alive()) resolve(result)
        } catch (error) {
          reject(error)
        }
      })
    })
  }

  /** A write of which all, none, or some reached the disk. */
  #tear(inode: Inode, { offset, bytes }: Unsynced): void {
    const how = this.#random.integer(0, 3)
    if (how === 0) return
    if (how === 1) return inode.put(offset, bytes)
    if (how === 2) return inode.put(offset, bytes.slice(0, this.#random.integer(0, bytes.length)))
    for (let at = 0; at < bytes.length; at += SECTOR) {
      const sector = bytes.slice(at, at + SECTOR)
      const fate = this.#random.integer(0, 3)
      if (fate === 0) continue
      if (fate === 1) sector.fill(this.#random.integer(0, 1) * 0xff)
      inode.put(offset + at, sector)
    }
  }
}
