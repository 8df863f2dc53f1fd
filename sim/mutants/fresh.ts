// Planted bugs by somebody who knew the design and the sources, and not the judges.
// Each is a slip that a careful person could make, and each needs a fault to show: a cut, a crash, a loss of
// power, a lost session, a server that throws out. The comment above one says what its user would see, and
// which fault brings it out.

import type { Mutant } from './mutant.ts'

export const FRESH_MUTANTS: readonly Mutant[] = [
  // What is sent again is thought to have its place in the window already. Seen: a message that ends
  // connections goes out at each CONNACK, before the probe is answered and beside the others, so it is never
  // found guilty (or an innocent one is), and nothing else gets through either; and a server that now takes
  // fewer at once is sent more than it takes.
  // Fault: a poisonous message in flight and a session that is resumed after each death; or a cut, and a lower
  // Receive Maximum at the next CONNACK than there are messages in flight.
  {
    name: 'what-is-sent-again-passes-the-window',
    rule: 'After the second such death the suspects are sent one at a time, and only a message alone in flight can be found poisoned; neither stops the rest. Packet ids are unique and within Receive Maximum.',
    file: 'src/engine/outbound.ts',
    find: 'if (!this.#mayFollow(operation.qos, operation.staged, operation.packetId)) return',
    replace:
      'if (queue === this.#waiting && !this.#mayFollow(operation.qos, operation.staged, operation.packetId)) return',
  },

  // PUBREC is taken for the word that counts. Seen: a receipt says `delivered` of a QoS 2 message that the
  // server forgot, with its session, before PUBREL could release it to anybody.
  // Fault: a cut between PUBREC and PUBCOMP, and the session lost, under `report` or `drop`.
  {
    name: 'pubrec-is-delivered-when-the-session-is-lost',
    rule: "delivered: the server's final acknowledgement arrived in the session that carried the message. Our PUBREL, session lost: cannot be completed: by onSessionLoss, else settled as maybe-delivered.",
    file: 'src/robust/courier.ts',
    find: `if (entry.policy.onSessionLoss !== 'resend' && entry.attempts > 0) {
      this.#settle(entry, 'maybe-delivered', now)`,
    replace: `if (entry.policy.onSessionLoss !== 'resend' && entry.attempts > 0) {
      this.#settle(entry, entry.state === 'released' ? 'delivered' : 'maybe-delivered', now)`,
  },

  // The messages that the application still had are not forgotten with the session. Seen: the first QoS 2
  // message of the new session with such an id is taken for the old one, acknowledged, and never handed out.
  // Fault: a cut while a QoS 2 message is with its handler, or its id on the way to the disk; the session
  // lost; then a new QoS 2 message to us under the same id, which a server that begins at 1 soon sends.
  {
    name: 'unfinished-messages-outlive-their-session',
    rule: 'Session lost: inbound QoS 2 ids are cleared. A late acknowledgement never goes to another packet.',
    file: 'src/engine/inbound.ts',
    find: 'this.#unfinished?.delete(packetId)',
    replace: '',
  },

  // The ring of what is in flight is thought to be in the order of sending; it begins anew every 16 ids, or
  // more when it has grown. Seen: after a reconnect, two messages of one topic arrive in the wrong order.
  // Fault: a cut with two or more in flight whose ids are on both sides of a multiple of the ring's length
  // (15 and 16), and a session that is resumed.
  {
    name: 'sent-again-in-the-order-of-the-ring',
    rule: 'Session present, our PUBLISH in flight: same packet id, DUP, original order. Re-sent messages keep their order among themselves.',
    file: 'src/engine/outbound.ts',
    find: 'return found.sort((a, b) => a.sequence - b.sequence)',
    replace: 'return found',
  },

  // A wall clock that was set back puts the deadline off by as much. Seen: a button press that is worth
  // 15 seconds is sent an hour later, or in fifty years on a device that starts in 1970.
  // Fault: a restart with a durable message that has a deadline, and a clock behind that of its publish.
  {
    name: 'a-clock-set-back-puts-deadlines-off',
    rule: 'Expiry runs on the monotonic clock, across restarts on the wall clock with negative differences counted as zero.',
    file: 'src/robust/entry-record.ts',
    find: 'entry.acceptedAt = now - Math.max(0, epoch - at)',
    replace: 'entry.acceptedAt = now - (epoch - at)',
  },

  // How far a topic was lifted is not taken back when its first message leaves. Seen: of one topic with
  // messages of two priorities, the newest urgent one overtakes an older one of low priority.
  // Fault: an outage, or a window that is full: low, high, then the first one leaves (superseded, expired,
  // cancelled, sent), low, high, all of one topic.
  {
    name: 'a-topic-stays-lifted-when-its-first-message-leaves',
    rule: 'One topic keeps the order of publishing, over priorities and QoS; the head of a topic has the highest priority that waits behind it.',
    file: 'src/robust/waiting-line.ts',
    find: 'if (raised[line] === entry) raised[line] = previous',
    replace: 'if (raised[line] === entry && previous !== undefined) raised[line] = previous',
  },

  // A commit is as safe as the last call in it asks for, not as the strongest. Seen: `stored` says "disk", and
  // a power cut loses the message; the same of packet ids and PUBREC, so that QoS 2 arrives twice.
  // Fault: the loss of power soon after a commit that had a removal at QoS 1 (which is lazy) behind a new message.
  {
    name: 'the-last-call-says-how-safe-a-commit-is',
    rule: 'stored resolves only after a power commit. Written ahead, synced before the bytes leave.',
    file: 'src/outbox/outbox.ts',
    find: 'if (STRENGTH[call.sync] > STRENGTH[sync]) sync = call.sync',
    replace: 'sync = call.sync',
    also: [
      {
        file: 'src/outbox/outbox.ts',
        find: `const STRENGTH: Readonly<Record<SyncLevel, number>> = { lazy: 0, process: 1, power: 2 }
`,
        replace: '',
      },
    ],
  },

  // An attempt that is accepted costs nothing. Seen: a device with an energy budget connects many times as
  // often as its budget allows, and its battery is flat.
  // Fault: a server that accepts each connection and ends it soon after, with `reconnect.budget` set below
  // what the waits alone allow.
  {
    name: 'only-failed-attempts-are-paid-for',
    rule: 'reconnect.budget = { attempts, perMs }, a token bucket; attempts per hour within the budget.',
    file: 'src/robust/schedule.ts',
    find: 'this.#connectedAt = now',
    replace: `this.#connectedAt = now
    this.#bucket.giveBack()`,
    also: [
      {
        file: 'src/robust/schedule.ts',
        find: '/** When there is a token. */',
        replace: `/** What was accepted costs nothing. */
  giveBack(): void {
    this.#tokens += 1
  }

  /** When there is a token. */`,
      },
    ],
  },

  // What an earlier process may have sent counts as never sent. Seen: `cancel()` gives true and the outcome is
  // `cancelled`, or `expired`, while the server has had the message since before the crash.
  // Fault: a crash between PUBLISH and the removal of a durable QoS 1 message; after the restart it is
  // cancelled, or its deadline comes, before it is sent again.
  {
    name: 'an-earlier-process-has-sent-nothing',
    rule: 'expired, cancelled: before it was ever sent. maybe-delivered: it was sent and the answer can no longer be known: deadline or cancel.',
    file: 'src/robust/entry.ts',
    find: 'return this.attempts === this.turnedAway && !this.possiblyDuplicated',
    replace: 'return this.attempts === this.turnedAway',
  },

  // QoS 1 may come twice, so a copy is not looked for. Seen: a slow handler runs twice at the same time for
  // one message, though the process never ended.
  // Fault: a cut while an asynchronous handler has a QoS 1 message, and a session that is resumed.
  {
    name: 'a-copy-at-qos-1-is-a-new-message',
    rule: 'A late acknowledgement never goes to another connection: if the message was sent again meanwhile, it is not handled twice and the new copy is acknowledged.',
    file: 'src/engine/inbound.ts',
    find: 'if (earlier && isAgain(packet, topic, earlier)) {',
    replace: 'if (earlier?.packet.qos === packet.qos && packet.qos === 2) {',
  },

  // What was asked for again counts as there, whether the answer came or not. Seen: the client is connected,
  // and nothing comes in any more.
  // Fault: the session lost, and the next connection cut before SUBSCRIBE has arrived; the one after it
  // resumes the session, which has no subscriptions.
  {
    name: 'an-unanswered-subscribe-is-not-made-again',
    rule: 'The set that the server has granted is kept with the session; at each CONNACK the difference to the desired set is sent.',
    file: 'src/robust/resubscriber.ts',
    find: `this.#handleAnswer(isUnanswered(error) ? [] : refused)`,
    replace: `for (const { filter } of requests) this.#missing.delete(filter)
        this.#handleAnswer(isUnanswered(error) ? [] : refused)`,
  },

  // PINGREQ only when nothing was sent for a while, as most clients have it. Seen: a device that sends a
  // reading every few seconds at QoS 0 goes on for hours into a connection that is long dead.
  // Fault: a link that is half open, or a server that went silent, and nothing but QoS 0 on the way, more
  // often than Keep Alive.
  {
    name: 'what-is-sent-puts-the-ping-off',
    rule: 'Life is proved by inbound bytes alone. PINGREQ when either direction has been idle.',
    file: 'src/engine/liveness.ts',
    find: `const onlySending = this.#pinging || this.#paused
    const idleSince = onlySending ? this.#sentAt : Math.min(this.#sentAt, this.receivedAt)
    return idleSince + this.#keepAliveMs`,
    replace: 'return this.#sentAt + this.#keepAliveMs',
  },
]
