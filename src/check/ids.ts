// The names of the checks, in the order of a report: what guaranteed delivery rests on comes first.
// Names alone; what each does is a row in checks/.

/** All checks. */
export const CHECK_IDS = [
  'protocols',
  'tls',
  'client-id',
  'session',
  'session-expiry',
  'takeover',
  'queue-qos0',
  'queue-qos1',
  'queue-qos2',
  'message-expiry',
  'expiry-clock',
  'qos1',
  'qos2',
  'qos2-resent',
  'qos2-unconfirmed',
  'receive-maximum',
  'packet-size',
  'keep-alive',
  'will',
  'will-delay',
  'retained',
  'wildcards',
  'shared',
  'subscription-ids',
  'aliases-out',
  'aliases-in',
  'restart',
  'kill',
] as const

/** The name of a check. */
export type CheckId = (typeof CHECK_IDS)[number]
