// What `npm run torture -- --lines N` runs: N lines from a file, then N from a pipe, through
// `umqtt pub -l --outbox` while all goes wrong. Says what came of it; ends with 1 when a line was lost, doubled
// or out of order.

import { FAST_CHECK } from './seed.ts'
import { tortureSpool } from './spool-torture.ts'

const [, , count = '100000', only] = process.argv
const lines = Number(count)
const { seed } = FAST_CHECK
const say = (line: string): void => void process.stdout.write(`${line}\n`)

/** One kill and two cuts for each 2,500 lines, and a restart for each 5,000. */
const often = (per: number): number => Math.max(1, Math.round(lines / per))

say(`SEED=${seed}`)
for (const source of ['file', 'pipe'] as const) {
  if (only !== undefined && only !== source) continue
  const summary = await tortureSpool({
    source,
    lines,
    seed,
    kills: often(2_500),
    restarts: often(5_000),
    cuts: often(1_250),
    log: say,
  })
  const { received, wrong, kills, restarts, cuts, untold, said, code, seconds } = summary
  say(`\n${source}: ${lines} lines, ${received} received, ${wrong.length} wrong, code ${code}`)
  say(`  ${kills} kills, ${restarts} restarts, ${cuts} cuts, ${Math.round(seconds)} s`)
  say(`  ${untold} stored and not told; it says: ${said.split('\n').at(-1)}`)
  for (const one of wrong) say(`  ${one}`)
  if (received !== lines || wrong.length > 0 || code !== 0) process.exitCode = 1
}
