// The connection itself: versions, client ids, the will of who is gone, keep alive, and TLS.
// A silent client, a broken one and one without a name show more than one that behaves.

import type { WillFields } from '../../codec/index.ts'
import { ConnectRefusedError } from '../../simple.node.ts'
import type { Bench } from '../lab.ts'
import { bad, type CheckRow, count, type Finding, limited, ok, skipped, unknown } from '../row.ts'

async function versions(bench: Bench): Promise<Finding> {
  const found: Record<string, boolean> = {}
  const seen: string[] = []
  for (const version of [5, 4] as const) {
    const name = version === 5 ? 'MQTT 5.0' : 'MQTT 3.1.1'
    const clientId = bench.lab.newClientId()
    try {
      const first = await bench.connect({ clientId, version, keep: true })
      await first.subscribe([bench.topic('version')])
      await first.leave()
      const again = await bench.back(clientId, { version })
      found[version === 5 ? 'mqtt5' : 'mqtt311'] = true
      seen.push(`${name}${again.sessionPresent ? '' : ', without sessions'}`)
    } catch (error) {
      if (bench.signal.aborted) throw error
      found[version === 5 ? 'mqtt5' : 'mqtt311'] = false
      const refused = error instanceof ConnectRefusedError
      seen.push(`no ${name}${refused ? '' : ' (it ends the connection)'}`)
    }
  }
  const { mqtt5 = false, mqtt311 = false } = found
  const facts = { mqtt5, mqtt311 }
  const text = seen.join('; ')
  if (seen.some((one) => one.includes('without'))) return bad(text, facts)
  return mqtt5 ? ok(text, facts) : limited(`${text}: no expiry, no reasons, no limits told`, facts)
}

async function clientIds(bench: Bench): Promise<Finding> {
  try {
    const wire = await bench.connect({ clientId: '' })
    if (wire.version === 4) return ok('an empty one is accepted for a clean session')
    const assigned = wire.properties.assignedClientIdentifier
    // [MQTT-3.2.2-16]
    if (assigned === undefined)
      return bad('an empty one is accepted, and the one assigned not told')
    return ok(`assigns one, such as "${assigned}"`, { assigned })
  } catch (error) {
    if (!(error instanceof ConnectRefusedError)) throw error
    return limited('refuses an empty one: name every client', { refused: error.reasonCode })
  }
}

async function will(bench: Bench): Promise<Finding> {
  const topic = bench.topic('will')
  const watcher = await bench.connect()
  await watcher.subscribe([topic])
  const leaver = await bench.connect({ will: willOf(topic, 'left') })
  await leaver.leave()
  const victim = await bench.connect({ will: willOf(topic, 'broken') })
  await victim.cutOff()
  const came = await watcher.becomes(() => watcher.messages.length > 0, bench.answerMs)
  if (!came) return bad('not published when the connection breaks')
  const texts = bench.texts(watcher, topic)
  if (texts.includes('left')) return bad('published also after DISCONNECT')
  return ok('published when the connection breaks, and not after DISCONNECT')
}

function willOf(topic: string, text: string, delaySeconds = 0): WillFields {
  const payload = new TextEncoder().encode(text)
  const properties = delaySeconds > 0 ? { willDelayInterval: delaySeconds } : {}
  return { topic, payload, qos: 1, retain: false, properties }
}

const DELAY_SECONDS = 2
/** How much early is still in time: clocks of seconds are coarse. */
const EARLY_MS = 1_000

async function willDelay(bench: Bench): Promise<Finding> {
  const topic = bench.topic('will-delay')
  const watcher = await bench.connect()
  await watcher.subscribe([topic])
  const returning = bench.lab.newClientId()
  const clients = [
    { clientId: bench.lab.newClientId(), text: 'gone' },
    { clientId: returning, text: 'back' },
  ]
  let from = 0
  for (const { clientId, text } of clients) {
    const settings = { clientId, keep: true, will: willOf(topic, text, DELAY_SECONDS) }
    const victim = await bench.connect(settings)
    if (text === 'gone') from = bench.now()
    await victim.cutOff()
  }
  await bench.back(returning)
  const has = (text: string): boolean => watcher.messages.some((one) => one.text === text)
  await watcher.becomes(() => has('gone'), DELAY_SECONDS * 1_000 + bench.answerMs)
  if (!has('gone')) return limited('a delayed will is never published')
  const delayMs = (watcher.messages.find(({ text }) => text === 'gone')?.atMs ?? 0) - from
  const facts = { askedSeconds: DELAY_SECONDS, delayMs }
  if (delayMs < DELAY_SECONDS * 1_000 - EARLY_MS) {
    return limited(`published after ${delayMs} ms instead of ${DELAY_SECONDS} s`, facts)
  }
  // The second was asked for at the same time: if it comes, it comes now.
  await bench.pass(EARLY_MS)
  if (has('back')) return limited('published though the client came back in time', facts)
  return ok('published late, and not for a client that comes back', facts)
}

const KEEP_ALIVE_SECONDS = 2
/** The longest keep alive that is worth waiting for. */
const LONGEST_KEEP_ALIVE_SECONDS = 5
/** Servers look for silent clients now and then: Mosquitto every few seconds. */
const LATE_MS = 10_000

async function keepAlive(bench: Bench): Promise<Finding> {
  const wire = await bench.connect({ keepAlive: KEEP_ALIVE_SECONDS })
  const seconds = wire.properties.serverKeepAlive ?? KEEP_ALIVE_SECONDS
  const facts = { asked: KEEP_ALIVE_SECONDS, inForce: seconds }
  if (seconds === 0) return limited('switches it off: it does not notice who is gone', facts)
  if (seconds > LONGEST_KEEP_ALIVE_SECONDS) {
    return unknown(`sets ${seconds} s: too long to wait for here`, facts)
  }
  if (!(await wire.ping(bench.answerMs))) return bad('PINGREQ is not answered', facts)
  const from = bench.now()
  const ended = await wire.becomes(() => wire.ended, seconds * 1_500 + LATE_MS)
  const silentMs = wire.endedAtMs - from
  if (!ended) {
    return bad(
      `a client is silent for ${seconds * 1.5 + LATE_MS / 1_000} s, and is not cut off`,
      facts,
    )
  }
  const said = `a silent client is cut off after ${(silentMs / 1_000).toFixed(1)} s of ${seconds} s`
  if (silentMs < seconds * 1_000) return bad(said, { ...facts, silentMs })
  return ok(said, { ...facts, silentMs })
}

/** What is worth a warning: certificates of a year are renewed a month before they end. */
const SOON_DAYS = 30
const DAY_MS = 86_400_000

async function tls(bench: Bench): Promise<Finding> {
  const { lab, signal } = bench
  const { address, tls: settings = {} } = lab.options
  const { scheme, host } = address
  if (scheme === 'unix') return skipped('a Unix socket needs none')
  if (scheme === 'mqtt' || scheme === 'ws') {
    const local = /^(localhost|127\..*|::1)$/.test(host)
    return local
      ? skipped('the connection does not leave this machine')
      : limited('none: passwords and messages can be read on the way', { encrypted: false })
  }
  if (lab.platform.inspectTls === undefined) return unknown('cannot be seen from here')
  const sight = await lab.platform.inspectTls(address, settings, signal)
  const days = Math.floor((sight.validToMs - lab.platform.today()) / DAY_MS)
  const facts = { encrypted: true, protocol: sight.protocol, cipher: sight.cipher, days }
  const said = `${sight.protocol}; the certificate of "${sight.subject}"`
  if (days < 0) return bad(`${said} ended ${count(-days, 'day')} ago`, facts)
  if (sight.distrust !== undefined)
    return bad(`${said} is not trusted: ${sight.distrust}`, { ...facts, trusted: false })
  if (days < SOON_DAYS) return limited(`${said} ends in ${days} days`, facts)
  return ok(`${said} ends in ${days} days`, facts)
}

export const CONNECTION_ROWS: readonly CheckRow[] = [
  { id: 'protocols', title: 'Versions of MQTT', run: versions },
  { id: 'client-id', title: 'Empty client id', failing: 'limited', run: clientIds },
  { id: 'will', title: 'Will', run: will },
  { id: 'will-delay', title: 'Will delay', since: 5, slow: true, run: willDelay },
  { id: 'keep-alive', title: 'Keep alive', slow: true, run: keepAlive },
  { id: 'tls', title: 'TLS', run: tls },
]
