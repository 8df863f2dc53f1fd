// A child of the program: runs the seeds that it is given, one after the other, and answers with what came of
// each. It ends when its parent does, or is told to; then it says what was visited.

import { type RunJob, type RunReport, runJob } from './run.ts'
import { installCounters, type Visits } from './coverage/counters.ts'

/** What a child is asked for. */
export type Question =
  | { readonly kind: 'run'; readonly job: RunJob; readonly stacks: boolean }
  | { readonly kind: 'end' }

/** What it answers. */
export type Answer =
  | { readonly kind: 'report'; readonly report: RunReport }
  | { readonly kind: 'visits'; readonly visits: Visits }

const visits = installCounters()
const stackLines = Error.stackTraceLimit

process.on('disconnect', () => process.exit())
process.on('message', (question: Question) => {
  if (question.kind === 'end') {
    answer({ kind: 'visits', visits: Object.fromEntries(visits) })
    process.disconnect()
    return
  }
  // Errors are made by the thousand and nobody reads where: that is a tenth of the time.
  Error.stackTraceLimit = question.stacks ? stackLines : 0
  void runJob(question.job).then((report) => answer({ kind: 'report', report }))
})

function answer(what: Answer): void {
  process.send?.(what)
}
