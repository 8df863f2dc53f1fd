// A folder of its own for a test, gone afterwards.

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Runs something in a new empty folder. */
export async function inFolder(run: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'umqtt-outbox-'))
  try {
    await run(folder)
  } finally {
    await rm(folder, { recursive: true })
  }
}
