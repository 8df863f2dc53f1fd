// Another descriptor that a shell has opened for us, such as with `3>FILE`. Node has descriptors of its own under
// the same small numbers: one of them must never be written to by mistake.

import { createWriteStream, fstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs'
import type { Writable } from 'node:stream'
import { UsageError } from './usage-error.ts'

/** Where Linux tells of them; on other platforms the kind of the descriptor has to do. */
const LINKS = '/proc/self/fd'
const DETAILS = '/proc/self/fdinfo'

/** Opens it for writing; it stays open afterwards. @throws {UsageError} no shell has opened it */
export function openDescriptor(descriptor: number): Writable {
  if (isOpen(descriptor) && !isOfNode(descriptor)) {
    return createWriteStream('', { fd: descriptor, autoClose: false })
  }
  throw new UsageError(
    `Cannot write to descriptor ${descriptor}: open it, such as with ${descriptor}>FILE`,
  )
}

function isOpen(descriptor: number): boolean {
  try {
    const stats = fstatSync(descriptor)
    return stats.isFile() || stats.isFIFO() || stats.isSocket() || stats.isCharacterDevice()
  } catch {
    return false
  }
}

/** Whether it cannot be written, or is a pipe whose other end is in this process too. */
function isOfNode(descriptor: number): boolean {
  try {
    const path = readlinkSync(`${LINKS}/${descriptor}`)
    if (!canWrite(descriptor)) return true
    if (!path.startsWith('pipe:')) return false
    const others = readdirSync(LINKS).map(Number)
    return others.some((other) => linkOf(other) === path && !canWrite(other))
  } catch {
    return false
  }
}

function linkOf(descriptor: number): string | undefined {
  try {
    return readlinkSync(`${LINKS}/${descriptor}`)
  } catch {
    // That of the listing itself is closed by now.
    return undefined
  }
}

/** By the flags of `open`, in octal: 0 is for reading alone. */
function canWrite(descriptor: number): boolean {
  const [, flags = '0'] =
    /^flags:\s*(\d+)/m.exec(readFileSync(`${DETAILS}/${descriptor}`, 'utf8')) ?? []
  return (Number.parseInt(flags, 8) & 3) !== 0
}
