// What a failing file says, told apart. Rule: by its number where Node has no name for it: a disk quota that is used up
// is for Node an "Unknown system error". It makes no errors of its own.

import { constants } from 'node:os'

const FULL: ReadonlySet<unknown> = /* @__PURE__ */ new Set(['ENOSPC', 'EDQUOT'])
const CROWDED: ReadonlySet<unknown> = /* @__PURE__ */ new Set(['EMFILE', 'ENFILE'])

/** Whether a disk, or the part of it that this user may have, is full. */
export function isFullDisk(error: unknown): boolean {
  const { code, errno } = error as NodeJS.ErrnoException
  return FULL.has(code) || errno === -constants.errno.EDQUOT
}

/** Whether the process, or the machine, has no room for one more open file: mostly one is closed in a moment. */
export function isCrowded(error: unknown): boolean {
  return CROWDED.has((error as NodeJS.ErrnoException).code)
}
