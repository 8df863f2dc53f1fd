// A child of the program: runs the seeds that it is given, one after the other, and answers with what came of
// each, and what it visited. It ends when its parent does, or is told to.

import { type RunJob, type RunReport, runJob } from './run.ts'
import { installCounters, type Visits } from './coverage/counters.ts'

/** What a child is asked for. */
export type Question =
  | { readonly kind: 'run'; readonly job: RunJob; readonly stacks: boolean }
  | { readonly kind: 'end' }

/** What it answers: what came of a run, and what was visited since the last answer. */
export interface Answer {
  readonly report: RunReport
  readonly visits: Visits
}

const visits = installCounters()
const stackLines = Error.stackTraceLimit

process.on('disconnect', () => process.exit())
// A terminal tells the whole group: what is being run is finished, and the parent says when it is over.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => undefined)
process.on('message', (question: Question) => {
  if (question.kind === 'end') {
    process.disconnect()
    return
  }
  // Errors are made by the thousand and nobody reads where: that is a tenth of the time.
  Error.stackTraceLimit = question.stacks ? stackLines : 0
  void runJob(question.job).then((report) => {
    process.send?.({ report, visits: Object.fromEntries(visits) } satisfies Answer)
    visits.clear()
  })
})
