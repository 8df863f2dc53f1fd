// Planted bugs in what becomes of messages and when a client connects: `find` is in its file exactly once.

import type { Mutant } from './mutant.ts'

const COURIER = 'src/robust/courier.ts'
const EXPOSURE = 'src/robust/exposure.ts'
const DELIVERY = 'src/robust/delivery.ts'
const SCHEDULE = 'src/robust/schedule.ts'

export const ROBUST_MUTANTS: readonly Mutant[] = [
  {
    name: 'outcome-before-pubcomp',
    rule: 'A message is reported as delivered only for its last acknowledgement',
    file: COURIER,
    find: "entry.reach('received')\n  }",
    replace: "this.#settle(entry, 'delivered', 0)\n  }",
  },
  {
    name: 'settled-before-acknowledgement',
    rule: 'A message is reported as delivered only for an acknowledgement',
    file: DELIVERY,
    find: "if (entry.state === 'done') this.courier.handleAnswer",
    replace:
      'if (entry.qos === 1) entry.answer ??= 0\n    if (entry.qos < 2) this.courier.handleAnswer',
  },
  {
    name: 'session-loss-ignored',
    rule: 'A message is reported as delivered only for an acknowledgement in the session that carried it',
    file: DELIVERY,
    find: 'this.courier.handleConnected(resumed, this.now',
    replace: 'this.courier.handleConnected(true, this.now',
  },
  {
    name: 'resent-against-the-policy',
    rule: "Under onSessionLoss 'report' a message is not sent again in another session",
    file: COURIER,
    find: "entry.policy.onSessionLoss !== 'resend'",
    replace: 'false',
  },
  {
    name: 'lost-with-the-session',
    rule: "Under onSessionLoss 'resend' a message is sent again in the next session",
    file: COURIER,
    find: 'this.#isLost(entry, now)) again.push(entry)',
    replace: "this.#isLost(entry, now)) this.#settle(entry, 'delivered', now)",
  },
  {
    name: 'order-inverted-in-a-new-session',
    rule: 'A topic keeps the order of publishing, also when a new session has to carry it',
    file: 'src/robust/entry.ts',
    find: 'a.sentAs - b.sentAs',
    replace: 'b.sentAs - a.sentAs',
  },
  {
    name: 'priority-breaks-a-topic',
    rule: 'Whoever stands before a message of higher priority in its topic is lifted to it',
    file: 'src/robust/waiting-line.ts',
    find: 'if (place >= priority) continue',
    replace: 'if (place < 9) continue',
  },
  {
    name: 'limit-ignored',
    rule: 'Never more messages than limits.outboxMessages without an outcome',
    file: 'src/robust/tally.ts',
    find: 'return this.messages - this.#limits.outboxMessages',
    replace: 'return this.messages - 2 * this.#limits.outboxMessages - 5',
  },
  {
    name: 'evicted-and-sent',
    rule: 'What was given up for another has an outcome, and is not sent',
    file: COURIER,
    find: "(this.#line.evictable(priority) as Entry, 'evicted', now)",
    replace: "(this.#line.evictable(priority) as Entry, 'delivered', now)",
  },
  {
    name: 'deadline-ignored',
    rule: 'In a running process a message has its outcome no later than its deadline',
    file: COURIER,
    find: 'return Math.min(this.#deadlines.next, this.#later.next)',
    replace: 'return Math.min(this.#deadlines.next + 5000, this.#later.next)',
  },
  {
    name: 'expired-and-sent',
    rule: 'A message that is called expired has not been sent',
    file: COURIER,
    find: "due.isUnsent ? 'expired' : 'maybe-delivered'",
    replace: "'expired'",
  },
  {
    name: 'deadline-anew-after-a-restart',
    rule: 'The time of a message goes on while no process runs',
    file: 'src/robust/entry-record.ts',
    find: 'entry.acceptedAt = now - Math.max(0, epoch - at)',
    replace: 'entry.acceptedAt = now + 0 * (epoch - at)',
  },
  {
    name: 'cancelled-and-kept',
    rule: 'A message that was given up is not sent, by no later process either',
    file: DELIVERY,
    find: 'else if (entry.storeError === undefined) {',
    replace: "else if (entry.storeError === undefined && entry.status !== 'cancelled') {",
  },
  {
    name: 'cancelled-and-sent',
    rule: 'cancel() says that a message was certainly never sent only when it was not',
    file: COURIER,
    find: "unsent ? 'cancelled' : 'maybe-delivered'",
    replace: "'cancelled'",
  },
  {
    name: 'settled-twice',
    rule: 'Receipts move forward and end once',
    file: COURIER,
    find: 'if (entry.status === undefined) this.#judge(entry, entry.answer, now)',
    replace: 'if (entry.qos > 0) this.#judge(entry, entry.answer, now)',
  },
  {
    name: 'stage-goes-back',
    rule: 'A stage that was passed never comes again',
    file: 'src/robust/entry.ts',
    find: 'if (!isFirst && STAGES.indexOf(stage) <= STAGES.indexOf(this.stage)) return',
    replace: 'if (stage === this.stage) return',
  },
  {
    name: 'turned-away-for-good',
    rule: 'What the server has turned away for now is tried again later',
    file: COURIER,
    find: 'this.#later.add(now + waitMs, entry)',
    replace: '',
  },
  {
    name: 'interrupted-and-forgotten',
    rule: 'What was in flight when the connection ended waits for the next one',
    file: COURIER,
    find: 'if (entry.place === PLACE.ENGINE) this.#interrupt(entry)',
    replace: 'if (entry.place === PLACE.ENGINE && entry.qos === 2) this.#interrupt(entry)',
  },
  {
    name: 'fleeting-outlives-its-connection',
    rule: 'A fleeting message does not outlive its connection',
    file: COURIER,
    find: "if (entry.policy.offline !== 'drop' || entry.status !== undefined) continue",
    replace: 'continue',
  },
  {
    name: 'backoff-without-floor',
    rule: 'No attempt begins earlier than a floor after the last one ended',
    file: SCHEDULE,
    find: 'this.#floorAt = now + floorMs',
    replace: 'this.#floorAt = now',
    also: [
      { file: SCHEDULE, find: 'Math.max(floorMs, patience', replace: 'Math.max(0, 0 * patience' },
      {
        file: SCHEDULE,
        find: 'Math.min(capMs, floorMs + SPREAD_MS)',
        replace: 'Math.min(capMs, floorMs)',
      },
      {
        file: SCHEDULE,
        find: 'Math.max(2 * this.#boundMs, 3 * delayMs)',
        replace: 'this.#boundMs',
      },
    ],
  },
  {
    name: 'jitter-off',
    rule: 'Waits are spread by chance, so that devices do not come back all at once',
    file: SCHEDULE,
    find: 'const chance = this.#random()',
    replace: 'const chance = 0.5',
  },
  {
    name: 'budget-ignored',
    rule: 'Attempts stay within the budget',
    file: SCHEDULE,
    find: 'this.#bucket.take(now)',
    replace: '',
  },
  {
    name: 'subscription-not-made-again',
    rule: 'What a lost session took along is subscribed to again',
    file: 'src/robust/robust-core.ts',
    find: 'if (!resumed || mayBeNew) this.#resubscriber',
    replace: 'if (resumed && !mayBeNew) this.#resubscriber',
  },
  {
    name: 'sent-and-recorded-as-unsent',
    rule: 'What is sent on a connection is not recorded as unsent: the next process would call it expired',
    file: EXPOSURE,
    find: 'this.#keeper.keepUnsent(undefined, () => {',
    replace: 'this.#keeper.keepUnsent(this.#next, () => {',
  },
  {
    name: 'unsent-from-too-low',
    rule: 'What may have been sent is below the number that is recorded when the connection ends',
    file: EXPOSURE,
    find: 'if (entryId >= this.#next) this.#next = entryId + 1',
    replace: 'void entryId',
  },
]
