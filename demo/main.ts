// The demo: three stories of what "robust" means, told to whoever watches, and checked.
// Ends by itself: exit code 0 when everything happened that was promised, else 1 and why.

import { House } from './house.ts'
import { type Ledger, ROWS, type RowName } from './ledger.ts'
import { Link } from './link.ts'
import { LiveNarrator, canBeLive } from './live-narrator.ts'
import { Narrator, hasColours } from './narrator.ts'
import { openServer } from './server.ts'
import { DEMO_MS } from './timeline.ts'

const COUNTS = [
  'published',
  'sent',
  'delivered',
  'expired',
  'dropped',
  'superseded',
  'maybe',
  'arrived',
  'doubled',
  'lost',
] as const

function tellCounts(narrator: Narrator, ledger: Ledger): void {
  narrator.scene('What became of the messages')
  const names = Object.keys(ROWS) as RowName[]
  const counts = names.map((row) => ledger.count(row))
  narrator.table([
    ['', ...names.map((row) => ROWS[row].what)],
    ['', ...names.map((row) => ROWS[row].policy)],
    ...COUNTS.map((name) => [name, ...counts.map((count) => `${count[name]}`)]),
  ])
  narrator.hint(
    '  "lost" counts what was promised: said to be delivered, or guaranteed and said to be on disk.\n' +
      '  "sent" and "maybe" promise nothing: they were handed to a link that may have gone silent.',
  )
}

function tellVerdicts(narrator: Narrator, ledger: Ledger): void {
  narrator.scene('Promises')
  for (const { text, broken } of ledger.verdicts) {
    if (broken === undefined) narrator.kept(text)
    else narrator.broken(text, broken)
  }
}

async function main(): Promise<number> {
  const { stdout, env } = process
  const start = performance.now()
  const now = (): number => performance.now() - start
  const narrator = canBeLive(stdout, env)
    ? new LiveNarrator(stdout, now)
    : new Narrator(stdout, hasColours(stdout, env), now)
  const watchdog = setTimeout(() => {
    narrator.stop()
    narrator.fails(`It was not done within ${DEMO_MS / 1000} s`)
    process.exit(1)
  }, DEMO_MS)
  const server = await openServer(env)
  let house: House | undefined
  let interrupted = false
  process.once('SIGINT', () => {
    interrupted = true
    narrator.stop()
    narrator.fails('It was interrupted')
    void Promise.resolve(house?.close()).finally(() => process.exit(1))
  })
  try {
    narrator.title('Three stories of what "robust" means, by umqtt/robust')
    narrator.says('server', server.description)
    const run = `umqtt-demo-${Math.random().toString(36).slice(2, 10)}`
    house = new House(narrator, server, await Link.open(server.url), run)
    await house.play()
    if (interrupted) return 1
    const { ledger } = house
    tellCounts(narrator, ledger)
    tellVerdicts(narrator, ledger)
    const seconds = (now() / 1000).toFixed(1)
    if (ledger.broken === 0) narrator.ends(`Everything promised has happened, in ${seconds} s`)
    else narrator.fails(`Broken promises: ${ledger.broken}`)
    return ledger.broken === 0 ? 0 : 1
  } catch (error) {
    if (interrupted) return 1
    narrator.stop()
    narrator.fails(error instanceof Error ? error.message : String(error))
    if (!server.own) {
      narrator.hint(
        'UMQTT_SERVER, UMQTT_USER and UMQTT_PASSWORD say which server; without them, its own',
      )
    }
    return 1
  } finally {
    await house?.close()
    await server.close()
    clearTimeout(watchdog)
  }
}

// Nothing is left behind, so the process ends by itself.
process.exitCode = await main()
