// Runs the checks: first whether the server can be reached at all, then everything that can run beside
// everything else, then restarts one by one, and at the end, whatever happened, cleans up.
// What a check throws becomes its finding; only the caller's signal and an unreachable server end it all.

import type { ProtocolVersion } from '../codec/index.ts'
import { ConnectionLostError, MqttError } from '../simple.node.ts'
import { adviceFor } from './advice.ts'
import { type CheckId, CHECK_IDS } from './ids.ts'
import { Bench, Lab } from './lab.ts'
import { resolveOptions } from './options.ts'
import type { CheckPlatform } from './platform.ts'
import { recognise } from './recognise.ts'
import { bad, type CheckRow, type Finding, limited, skipped, unknown } from './row.ts'
import { type Bounded, bounded } from './stopwatch.ts'
import { CHECKS, RESTARTS } from './table.ts'
import type { CheckOptions, CheckReport, CheckResult, RecognisedServer } from './types.ts'
import { conclude, UNKNOWABLE } from './verdict.ts'

/** {@link check} on a platform. */
export async function runCheck(
  url: string,
  given: CheckOptions,
  platform: CheckPlatform,
): Promise<CheckReport> {
  const options = resolveOptions(url, given, platform)
  const lab = new Lab(options, platform)
  const { signal } = options
  signal?.throwIfAborted()
  const started = platform.now()
  const results: CheckResult[] = []
  const leftovers: string[] = []
  let server: RecognisedServer
  try {
    const reach = bounded(platform, signal, options.timeouts.totalMs, tooLate)
    try {
      lab.version = await reachServer(lab, reach.signal)
      const bench = new Bench(lab, reach.signal)
      server = await recognise(bench)
      await bench.close()
      const report = (result: CheckResult): void => {
        results.push(result)
        options.onResult?.(result)
      }
      await runBeside(lab, CHECKS, server, reach, report)
      for (const row of RESTARTS) {
        const { restartMs } = options.timeouts
        const limit = bounded(platform, signal, 3 * restartMs, tooLate)
        try {
          report(await runOne(lab, row, server, limit.signal))
        } finally {
          limit.release()
        }
      }
      signal?.throwIfAborted()
    } finally {
      reach.release()
    }
  } finally {
    leftovers.push(...(await lab.cleanUp()))
    for (const what of leftovers) options.onLeftover?.(what)
  }
  results.sort((a, b) => CHECK_IDS.indexOf(a.id) - CHECK_IDS.indexOf(b.id))
  const conclusions = conclude(results)
  return {
    url: options.address.href,
    server,
    protocols: protocolsOf(results, lab.version),
    protocol: lab.version,
    verdict: conclusions[0],
    conclusions,
    results,
    unknowable: UNKNOWABLE,
    leftovers,
    durationMs: platform.now() - started,
  }
}

function tooLate(): Error {
  return new Error('The time was up')
}

/** Which version to check with. @throws {MqttError} the server cannot be reached in any */
async function reachServer(lab: Lab, signal: AbortSignal): Promise<ProtocolVersion> {
  const { protocol } = lab.options
  const versions: readonly ProtocolVersion[] = protocol === undefined ? [5, 4] : [protocol]
  const errors: unknown[] = []
  for (const version of versions) {
    try {
      const wire = await lab.connect({ version }, signal)
      await wire.leave()
      return version
    } catch (error) {
      if (signal.aborted) throw error
      errors.push(error)
    }
  }
  // A server that knows no MQTT 5.0 may just hang up; what it says to 3.1.1 then tells more.
  const [first, second] = errors
  throw first instanceof ConnectionLostError && second !== undefined ? second : first
}

function protocolsOf(results: readonly CheckResult[], used: 4 | 5): (4 | 5)[] {
  const facts = results.find(({ id }) => id === 'protocols')?.facts ?? {}
  const found: (4 | 5)[] = []
  if (facts['mqtt311'] === true || used === 4) found.push(4)
  if (facts['mqtt5'] === true || used === 5) found.push(5)
  return found
}

/**
 * What takes seconds begins first, so that the rest runs beside it. When one fails, or the caller's signal
 * fires, all of them have ended before this rejects: what they may have left is then removed.
 */
async function runBeside(
  lab: Lab,
  rows: readonly CheckRow[],
  server: RecognisedServer,
  limit: Bounded,
  report: (result: CheckResult) => void,
): Promise<void> {
  const waiting = [...rows].sort((a, b) => Number(b.slow === true) - Number(a.slow === true))
  const failures: unknown[] = []
  const worker = async (): Promise<void> => {
    try {
      for (let row = waiting.shift(); row !== undefined; row = waiting.shift()) {
        const result = await runOne(lab, row, server, limit.signal)
        if (failures.length > 0) return
        report(result)
      }
    } catch (error) {
      failures.push(error)
      limit.abort(error)
    }
  }
  await Promise.all(Array.from({ length: lab.options.bounds.concurrency }, worker))
  if (failures.length > 0) throw failures[0]
}

async function runOne(
  lab: Lab,
  row: CheckRow,
  server: RecognisedServer,
  signal: AbortSignal,
): Promise<CheckResult> {
  const { platform, options } = lab
  const started = platform.now()
  const finding = await find(lab, row, signal, options.wanted)
  options.signal?.throwIfAborted()
  const advice = adviceFor(row.id, finding, server.product)
  const { id, title } = row
  const durationMs = platform.now() - started
  return { id, title, ...finding, ...(advice !== undefined && { advice }), durationMs }
}

async function find(
  lab: Lab,
  row: CheckRow,
  signal: AbortSignal,
  wanted: ReadonlySet<CheckId>,
): Promise<Finding> {
  if (!wanted.has(row.id)) return skipped('not asked for')
  if (row.since !== undefined && lab.version < row.since) return skipped('MQTT 3.1.1 has none')
  if (signal.aborted) return unknown('the time was up before it began')
  // A signal of its own: it has as many listeners as one check has connections.
  const own = bounded(lab.platform, signal, Infinity, tooLate)
  const bench = new Bench(lab, own.signal)
  try {
    return await row.run(bench)
  } catch (error) {
    if (signal.aborted) return unknown('the time was up')
    if (!MqttError.is(error)) throw error
    if (error === bench.notConnected) return unknown(error.message)
    const seen = error.message
    return (row.failing === 'limited' ? limited : bad)(seen, { broke: true })
  } finally {
    if (!signal.aborted) await bench.close()
    own.release()
  }
}
