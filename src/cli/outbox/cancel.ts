// `umqtt outbox DIR cancel`: gives messages up, after a question where somebody can answer it. Rule: what is said
// of a message is what the disk has, and whether the server can have it is never made to look better.

import { createInterface } from 'node:readline'
import { type CancelledMessage, cancelStored } from '../../outbox/inspect.ts'
import { type Context, isTyped } from '../command.ts'
import type { EndingName } from '../exit-codes.ts'
import { count, plain } from '../readable.ts'
import { shown, UsageError } from '../usage-error.ts'

const WORDS: Readonly<Record<CancelledMessage['result'], string>> = {
  'never-sent': 'cancelled, never sent',
  'maybe-sent': 'cancelled, may have been sent before',
  kept: 'kept: the server has its packet id, and the next connection finishes it',
}

/** What is to be cancelled, and how it is told. */
export interface CancelRequest {
  readonly folder: string
  readonly ids: ReadonlySet<string> | 'all'
  /** How many there are. */
  readonly found: number
  readonly yes: boolean
  readonly json: boolean
}

/** Cancels. @throws {UsageError} nobody can be asked, and there is no --yes */
export async function cancel(context: Context, request: CancelRequest): Promise<EndingName> {
  const { folder, ids, found, yes, json } = request
  const { out, err, stopped } = context
  if (found > 0 && !yes && !(await confirm(context, `Cancel ${count(found, 'message')}?`))) {
    await err.line('Nothing was cancelled')
    return 'failed'
  }
  const seen = new Set<string>()
  const results = new Set<CancelledMessage['result']>()
  for await (const message of found > 0 ? cancelStored(folder, ids, { signal: stopped }) : []) {
    const { id, topic, result } = message
    seen.add(id)
    results.add(result)
    if (json) await out.line(JSON.stringify(message))
    else await out.line(`${plain(id)}\t${plain(topic)}\t${WORDS[result]}`)
  }
  const missing = ids === 'all' ? [] : [...ids].filter((id) => !seen.has(id))
  for (const id of missing) await err.line(`There is no message ${shown(id)} in it`)
  if (missing.length > 0) return 'failed'
  if (results.has('kept')) return 'unfinished'
  return results.has('maybe-sent') ? 'maybe' : 'done'
}

async function confirm(context: Context, question: string): Promise<boolean> {
  const { stdin, err, stopped } = context
  if (!err.isTerminal || !isTyped(context))
    throw new UsageError('Cannot ask without a terminal: write --yes to cancel')
  await err.write(`${question} [y/N] `)
  const lines = createInterface({ input: stdin, signal: stopped })
  const answer = await new Promise<string>((resolve) => {
    lines.once('line', resolve)
    lines.once('close', () => resolve(''))
  })
  lines.close()
  stopped.throwIfAborted()
  return /^y(?:es)?$/i.test(answer.trim())
}
