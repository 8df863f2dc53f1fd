// A real disk that is soon full: a tmpfs of some MiB, which one program alone sees, and which is gone with it.
// What the program prints are facts as JSON; the test that asked for them judges them. Needs "mounts" of skip.ts.

import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { findMountSpace } from './skip.ts'
import { inFolder } from './temporary-folder.ts'

const MAIN = fileURLToPath(new URL('./small-disk-main.js', import.meta.url))
/** The first argument is the size, the second the folder, and then come a program and its own. */
const MOUNT = 'mount -t tmpfs -o "size=$0" tmpfs "$1" && shift && exec "$@"'
/** Ten times what the longest takes on a busy machine. */
const DEADLINE_MS = 60_000

/**
 * Plays a scenario of small-disk-main.ts on a disk of its own.
 *
 * @param runtime the program that runs it, with its arguments
 * @returns its facts
 * @throws {Error} it failed; what it said is in the message
 */
export async function onSmallDisk<T>(
  sizeMiB: number,
  scenario: string,
  args: readonly string[] = [],
  runtime: readonly string[] = [process.execPath],
): Promise<T> {
  const space = findMountSpace()
  if (space === undefined) throw new Error('Nothing can be mounted here')
  let facts: unknown
  await inFolder(async (folder) => {
    const program = [...runtime, MAIN, folder, scenario, ...args]
    const { stdout } = await promisify(execFile)(
      'unshare',
      [...space, 'sh', '-c', MOUNT, `${sizeMiB}m`, folder, ...program],
      { timeout: DEADLINE_MS, killSignal: 'SIGKILL' },
    )
    facts = JSON.parse(stdout)
  })
  return facts as T
}
