// How a command ends, as a number that scripts act on. Help, docs/cli.md and the commands take it from here.
// Rule: one number has one meaning in all commands; the numbers of a shell (128 and a signal) are kept.

/** Every way to end, by name. */
export const ENDINGS = {
  done: { code: 0, meaning: 'done: all that was asked for has happened' },
  failed: { code: 1, meaning: 'failed: the error is on standard error' },
  usage: { code: 2, meaning: 'wrong arguments: nothing was sent' },
  expired: { code: 3, meaning: 'a message was not delivered within its time' },
  refused: {
    code: 4,
    meaning: 'the server, or a limit, turned something away, for good or until its deadline',
  },
  unfinished: { code: 5, meaning: 'ended with messages that wait in the outbox' },
  maybe: { code: 6, meaning: 'a message was sent, and whether it arrived cannot be known' },
  unfit: { code: 7, meaning: 'the server does not keep what was asked for' },
  damaged: { code: 8, meaning: 'what was read is damaged' },
  timedOut: { code: 27, meaning: 'the time of -W is over' },
  interrupted: { code: 130, meaning: 'interrupted by SIGINT' },
  closedPipe: { code: 141, meaning: 'whoever read standard output went away' },
  terminated: { code: 143, meaning: 'ended by SIGTERM' },
} as const

/** The name of a way to end. */
export type EndingName = keyof typeof ENDINGS
