// What the simulator has found, planted again: each is the client as it was before, so that a judge that would
// no longer find it is found out. docs/simulator.md tells their stories.

import type { Mutant } from './mutant.ts'

export const FOUND_MUTANTS: readonly Mutant[] = [
  {
    name: 'found-lazy-removal',
    rule: 'Each message reaches exactly one outcome: one that was cancelled is not sent after a loss of power.',
    file: 'src/robust/keeper.ts',
    find: "entry.status === 'delivered' && entry.qos === 1",
    replace: 'entry.qos === 1',
  },
  {
    name: 'found-lazy-removal-of-the-rejected',
    rule: 'Each message reaches exactly one outcome: one that was rejected is not sent after a loss of power.',
    file: 'src/robust/keeper.ts',
    find: "entry.status === 'delivered' && entry.qos === 1",
    replace: "(entry.status === 'delivered' || entry.status === 'rejected') && entry.qos === 1",
  },
  {
    name: 'found-sent-afresh-and-forgotten',
    rule: 'What was sent afresh at QoS 2 is called possibly duplicated by the next process as well.',
    file: 'src/robust/keeper.ts',
    find: 'const again = entry.possiblyDuplicated || undefined',
    replace: 'const again = undefined',
  },
  {
    name: 'found-early-cancel',
    rule: 'Cancelled is what ended before it was ever sent, also when the outbox was not read yet.',
    file: 'src/robust/courier.ts',
    find: '.filter(({ status }) => status === undefined)',
    replace: '',
  },
  {
    name: 'found-session-elsewhere',
    rule: 'Without shared sessions moving is a lost session for what is in flight.',
    file: 'src/engine/engine.ts',
    find: 'const resumed = sessionPresent && this.hasSession',
    replace: 'const resumed = sessionPresent && (this.hasSession || true)',
    also: [
      {
        file: 'src/robust/dialler.ts',
        find: '|| !this.#core.engine.hasSession',
        replace: '',
      },
    ],
  },
  {
    name: 'found-record-of-lost-session',
    rule: 'Written ahead, synced before the bytes leave: packet id and session before a durable QoS 2 PUBLISH.',
    file: 'src/engine/outbound.ts',
    find: '|| this.inflight.get(operation.packetId) !== operation',
    replace: '',
    also: [
      {
        file: 'src/robust/delivery.ts',
        find: 'if (entry.packetId === packetId) this',
        replace: 'this',
      },
      {
        file: 'src/robust/entry.ts',
        find: "entry.state === 'bound'",
        replace: 'false as boolean',
      },
    ],
  },
  {
    name: 'found-superseded-in-doubt',
    rule: 'Maybe delivered: it was sent and the answer can no longer be known.',
    file: 'src/robust/courier.ts',
    find: "entry.possiblyDuplicated ? 'maybe-delivered' : status",
    replace: 'status',
  },
  {
    name: 'found-refused-though-sent',
    rule: 'Outcomes are true: what was sent before the limits of the server were lower may have arrived.',
    file: 'src/robust/courier.ts',
    find: "wasSent ? 'maybe-delivered' : status",
    replace: 'status',
  },
  {
    name: 'found-lost-forgotten',
    rule: 'What was in flight in a session that is gone is known as such until its outcome is kept.',
    file: 'src/robust/keeper.ts',
    find: "if (!hasSession) ops.push(['set', `${OUTBOUND}${LOST + stage.seq}`, value])",
    replace: '',
  },
  {
    name: 'found-server-forgotten',
    rule: 'Without shared sessions an old session elsewhere is started clean, also by the process after a restart.',
    file: 'src/robust/keeper.ts',
    find: 'if (hasSession && server)',
    replace: 'if (hasSession && server && false)',
  },
  {
    name: 'found-given-up-goes-on-at-once',
    rule: 'The exchange of a message that was given up goes on when its removal is safe.',
    file: 'src/robust/delivery.ts',
    find: 'this.keeper?.remove(entry, proceed)',
    replace: 'proceed()',
  },
  {
    name: 'found-early-deadline',
    rule: 'In a running process a message has its outcome no later than its deadline, also while the outbox is read.',
    file: 'src/robust/courier.ts',
    find: `acceptEarly(entry: Entry, now: number): void {
    this.#admit(entry, now)`,
    replace: `acceptEarly(entry: Entry, now: number): void {
    if (entry.acceptedAt === 0) entry.acceptedAt = now
    this.#open.count(entry, 1)`,
    also: [
      {
        file: 'src/robust/courier.ts',
        find: 'if (entry.place !== PLACE.ADMITTED) this.#admit(entry, now)',
        replace: `if (entry.place === PLACE.ADMITTED) this.#open.count(entry, -1)
    this.#admit(entry, now)`,
      },
    ],
  },
  {
    name: 'found-early-beside-what-is-read',
    rule: 'Memory stays bounded while the outbox is read: what comes early has a place beside what is read, or none.',
    file: 'src/robust/courier.ts',
    find: 'for (const entry of [...early].reverse().sort(byPriority))',
    replace: 'for (const entry of early.slice(0, 0).sort(byPriority))',
  },
  {
    name: 'found-deaf-after-a-lost-connack',
    rule: 'After a CONNECT without an answer subscriptions are made again, whatever the next CONNACK says',
    file: 'src/robust/robust-core.ts',
    find: 'if (!resumed || mayBeNew) this.#resubscriber',
    replace: 'if (!resumed) this.#resubscriber',
  },
  {
    name: 'found-is-sent-as-new',
    rule: 'What an earlier process may have sent in the same session says so: DUP [MQTT-3.3.1-1]',
    file: 'src/robust/courier.ts',
    find: 'entry.dup = entry.qos === 1 && entry.possiblyDuplicated',
    replace: 'entry.dup = false',
  },
  {
    name: 'found-pubrel-past-a-record',
    rule: 'PUBREL goes out in the order of the PUBRECs, also behind one that is being recorded [MQTT-4.6.0-4]',
    file: 'src/engine/release-line.ts',
    find: 'if (!operation.held && this.#line.length === 0) return',
    replace: 'if (!operation.held) return',
  },
]
