// What is left after a restart of the server: the session, what waits in it, retained messages. Somebody
// else restarts it; seen from here the connection ends, and at some time a new one is accepted.

import type { Bench } from '../lab.ts'
import { bad, type CheckRow, type Finding, limited, ok, skipped, unknown } from '../row.ts'
import { bounded } from '../stopwatch.ts'
import type { Restarts } from '../types.ts'
import type { Wire } from '../wire.ts'

/** Between looking whether the server still answers, in ms. */
const LOOK_MS = 500
/** How old the first messages are when the server goes: what is saved each second has been. */
const AGE_MS = 2_000

const survives =
  (kind: keyof Restarts) =>
  async (bench: Bench): Promise<Finding> => {
    const restart = bench.lab.options.restart?.[kind]
    if (restart === undefined) return skipped('needs somebody who restarts the server')
    const { restartMs } = bench.lab.options.timeouts
    const topic = bench.topic('restart')
    const kept = bench.topic('restart-retained')
    const { clientId } = await bench.absent(topic, 2)
    const fresh = await bench.absent(topic, 1, { cleanStart: true })
    const publisher = await bench.connect()
    await publisher.publish(topic, 'early 1', { qos: 1 })
    await publisher.publish(topic, 'early 2', { qos: 2 })
    if (publisher.properties.retainAvailable !== false) {
      await publisher.publish(kept, 'retained', { qos: 1, retain: true })
    }
    const watcher = await bench.connect()
    await bench.pass(AGE_MS)
    await publisher.publish(topic, 'late', { qos: 1 })

    const late = (): Error => new Error(`It was not done within ${restartMs} ms`)
    const limit = bounded(bench.lab.platform, bench.signal, restartMs, late)
    try {
      await Promise.race([restart(limit.signal), aborted(limit.signal)])
    } catch (error) {
      if (bench.signal.aborted) throw error
      return unknown(
        `the restart failed: ${error instanceof Error ? error.message : String(error)}`,
      )
    } finally {
      limit.release()
    }
    if (!(await goes(bench, watcher, restartMs))) {
      return unknown(`the server did not end our connection within ${restartMs} ms`)
    }
    const again = await bench.lab.connectAgain({ clientId, keep: true }, restartMs, bench.signal)
    const other = await bench.connect()
    await again.subscribe([kept])
    await bench.drain(again, other, topic)
    const finding = judge(again, bench.texts(again, topic), bench.texts(again, kept).length > 0)
    if (finding.verdict === 'bad' || bench.version === 4) return finding
    // Mosquitto 2.0 writes only those to its disk that have resumed, or wanted to. `umqtt/robust` does.
    const { sessionPresent } = await bench.back(fresh.clientId)
    const note = sessionPresent ? '' : '; a session that began with Clean Start is lost'
    const facts = { ...finding.facts, cleanStartKept: sessionPresent }
    return { ...finding, seen: finding.seen + note, facts }
  }

function judge(again: Wire, texts: readonly string[], retained: boolean): Finding {
  const early = ['early 1', 'early 2'].filter((text) => texts.includes(text)).length
  const late = texts.includes('late')
  const { sessionPresent } = again
  const facts = { sessionPresent, early, late, retained }
  const lost = [
    ...(sessionPresent ? [] : ['the session']),
    ...(early < 2 ? ['messages that waited'] : []),
    ...(retained ? [] : ['the retained message']),
  ]
  if (lost.length > 0) {
    const lies = sessionPresent && early < 2 ? ', and says that it has the session' : ''
    return bad(`lost: ${lost.join(', ')}${lies}`, facts)
  }
  if (!late) return limited('lost: the message that was acknowledged just before', facts)
  return ok('the session, what waited and what was retained are there', facts)
}

/** Whether the connection ends: by itself, or because nothing answers on it any more. */
async function goes(bench: Bench, watcher: Wire, ms: number): Promise<boolean> {
  const end = bench.now() + ms
  while (bench.now() < end) {
    if (await watcher.becomes(() => watcher.ended, LOOK_MS)) return true
    if (!(await watcher.ping(bench.answerMs))) {
      await watcher.cutOff()
      return true
    }
  }
  return watcher.ended
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const stop = (): void => reject(signal.reason as Error)
    if (signal.aborted) stop()
    else signal.addEventListener('abort', stop, { once: true })
  })
}

export const RESTART_ROWS: readonly CheckRow[] = [
  { id: 'restart', title: 'After a restart', run: survives('orderly') },
  { id: 'kill', title: 'After a crash', run: survives('kill') },
]
