// What the log asks of the system, as strace sees it: a sync of the file for each group commit, after its
// bytes were written and before anybody is told that they are stored.

import { equal, ok } from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { requireOrSkip } from '../support/skip.ts'
import { inFolder } from '../support/temporary-folder.ts'

const CALLS = 'trace=fdatasync,fsync,openat,pwrite64,write'

test(
  'each group commit is one fdatasync, before "stored" is told',
  { timeout: 60_000 },
  async (t) => {
    if (!requireOrSkip(t, 'strace')) return
    await inFolder(async (folder) => {
      const trace = join(folder, 'trace')
      const program = ['build/test/support/sync-writer.js', join(folder, 'outbox')]
      const strace = ['-f', '-o', trace, '-e', CALLS, '-s', '200', process.execPath, ...program]
      await promisify(execFile)('strace', strace)
      let commits = 0
      let stored = 0
      let writes = 0
      let syncs = 0
      let isDirty = false
      for (const line of (await readFile(trace, 'utf8')).split('\n')) {
        if (/ write\(1, "stored /.test(line)) {
          equal(isDirty, false, `Message ${stored + 1} is told before its bytes are synced`)
          stored += 1
        }
        commits = Number(/ write\(1, "commits (\d+)/.exec(line)?.[1] ?? commits)
        // From the first message on: what opens the outbox is not counted.
        if (/pwrite64\(/.test(line)) {
          isDirty = true
          writes += 1
        }
        if (/fdatasync(?:\(\d+\)| resumed>\)) += 0/.test(line)) {
          isDirty = false
          syncs += 1
        }
      }
      equal(stored, 520)
      ok(commits >= 30 && commits < 520, `${commits} commits`)
      // Beside them: the probe, the marker and the reserve at the opening, and each end of a segment.
      ok(syncs >= commits && syncs <= commits + 20, `${syncs} syncs for ${commits} commits`)
      ok(writes >= commits && writes <= commits + 20, `${writes} writes for ${commits} commits`)
    })
  },
)
