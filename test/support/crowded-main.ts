// A program for the test of a process that has too many files open: what becomes of a store meanwhile, and after some
// were closed, as facts in JSON. It judges nothing; whoever starts it lowers the limit of open files.

import { closeSync, openSync } from 'node:fs'
import { join } from 'node:path'
import { FileStore } from '../../src/outbox/file.ts'

/** How each thing went: empty, or the message of its error. */
export interface CrowdedFacts {
  /** Of opening, and of a commit for which a new segment is begun, and whether they waited for a file to be closed. */
  readonly opening: string
  readonly openingWaited: boolean
  readonly commit: string
  readonly commitWaited: boolean
  /** Of one after that. */
  readonly next: string
  /** How many records are there when it is opened again. */
  readonly found: number
}

/** Ten times what a failure takes that nobody waits for. */
const CROWDED_MS = 100
const SMALL = { segmentBytes: 4096, reserveBytes: 4096 }

const [, , folder = ''] = process.argv

function tell(action: Promise<unknown>): Promise<string> {
  return action.then(
    () => '',
    (error: Error) => error.message,
  )
}

/** Does something while no more files may be opened than are left; the others are given back some time later. */
async function crowded(
  left: number,
  action: () => Promise<unknown>,
): Promise<[wasAwaited: boolean, end: string]> {
  const files: number[] = []
  for (let isFull = false; !isFull;) {
    try {
      files.push(openSync('/dev/null', 'r'))
    } catch {
      isFull = true
    }
  }
  for (const file of files.splice(0, left)) closeSync(file)
  let isFree = false
  setTimeout(() => {
    isFree = true
    for (const file of files) closeSync(file)
  }, CROWDED_MS)
  const end = await tell(action())
  return [isFree, end]
}

// With one left each file could be opened in turn: not so the socket of the lock, where its path is long.
const left = process.platform === 'linux' ? 1 : 0
const store = new FileStore(join(folder, 'a'.repeat(120)), SMALL)
const [openingWaited, opening] = await crowded(left, () => store.open())
const put = (seq: number): Promise<void> =>
  store.commit([['put', seq, new Uint8Array(SMALL.segmentBytes)]], 'power')
await put(1)
const [commitWaited, commit] = await crowded(0, () => put(2))
const next = await tell(put(3))
await store.close()
const { count: found } = await store.open()
await store.close()
const facts = { openingWaited, opening, commitWaited, commit, next, found }
process.stdout.write(`${JSON.stringify(facts satisfies CrowdedFacts)}\n`)
