// What `npm run torture` runs: a server, a writer and a reader that are killed, chaos on links, and a
// summary of what was promised and what came of it.

import { chaos } from './chaos.ts'
import { MOMENTS, tortureReader, tortureWriter } from './torture.ts'
import { startServer } from './servers.ts'
import { FAST_CHECK } from './seed.ts'
import { faultsOf, leastFor } from './torture-verdict.ts'

const [, , rounds = '300', given = '', version = '5', seconds = '60'] = process.argv
const least = given === '' ? leastFor(Number(rounds)) : Number(given)
const { seed } = FAST_CHECK
const protocol = version === '4' ? 4 : 5

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}

const server = await startServer('mosquitto', { anonymous: true })
try {
  const port = Number(new URL(server.urls.tcp as string).port)
  say(`SEED=${seed} MQTT ${protocol}`)
  const begin = performance.now()
  const options = { port, seed, protocol, log: say } as const
  const writer = await tortureWriter({ ...options, rounds: Number(rounds) })
  const reader = await tortureReader({ ...options, rounds: Math.ceil(Number(rounds) / 3) })
  say(`\nwriter: ${writer.kills} kills, ${writer.stored} stored, ${writer.received} received`)
  for (const moment of MOMENTS) say(`  ${moment}: ${writer.moments[moment]} kills`)
  say(`  lost ${writer.lost.length} ${writer.lost.slice(0, 5).join(', ')}`)
  say(`  doubled at QoS 2 ${writer.doubled.length} ${writer.doubled.slice(0, 5).join(', ')}`)
  say(`  doubled at QoS 1 ${writer.doubledAtOne}, which may be`)
  say(`  out of order ${writer.disordered.length} ${writer.disordered.slice(0, 5).join(', ')}`)
  say(`  outcomes other than delivered ${JSON.stringify(writer.outcomes)}`)
  say(`reader: ${reader.kills} kills, ${reader.sent} sent`)
  say(`  lost ${reader.lost.length}, handled again after PUBREC ${reader.doubled.length}`)
  say(`  handled again before PUBREC ${reader.repeated}, which may be`)
  const storm = await chaos({ port, seed, protocol, seconds: Number(seconds) })
  say(`chaos: ${storm.published} published, ${storm.received} received, ${storm.faults} faults`)
  say(`  ${storm.connections} connections; ${JSON.stringify(storm.outcomes)}`)
  const stormLost = [...storm.lost, ...storm.lostByServer]
  say(`  lost ${stormLost.length}, doubled at QoS 0 and 2 ${storm.doubled.length}`)
  say(`  doubled at QoS 1 ${storm.doubledAtOne}, which may be`)
  say(`  doubled at QoS 2 by the server ${storm.doubledByServer}`)
  say(`  out of order ${storm.disordered.length}; by the server ${storm.disorderedByServer}`)
  say(`  the heap grew by ${storm.heapGrowthBytes} bytes`)
  const warnings = [...writer.warnings, ...reader.warnings]
  say(`${warnings.length} warnings ${[...new Set(warnings)].slice(0, 5).join('\n')}`)
  say(`${Math.round((performance.now() - begin) / 1000)} s`)
  const faults = faultsOf({ protocol, least, writer, reader, storm })
  say(faults.length === 0 ? 'Every promise was kept' : `Broken: ${faults.join('\n  ')}`)
  if (faults.length > 0) process.exitCode = 1
} finally {
  await server.remove()
}
