// Planted bugs in what is kept, and how safely: `find` is in its file exactly once.

import type { Mutant } from './mutant.ts'

const KEEPER = 'src/robust/keeper.ts'
const LOG_STORE = 'src/outbox/log/log-store.ts'

export const OUTBOX_MUTANTS: readonly Mutant[] = [
  {
    name: 'sync-skipped',
    rule: 'stored resolves after a commit that survives the loss of power',
    file: LOG_STORE,
    find: 'if (power) await this.#sync()',
    replace: '',
  },
  {
    name: 'stored-before-the-commit',
    rule: 'stored resolves after the commit, not before it',
    file: KEEPER,
    find: "this.#outbox.enqueue(ops, 'power', this.#handlePut, entry)",
    replace:
      "this.#owner.handleStored(entry)\n    this.#outbox.enqueue(ops, 'power', this.#handlePut, entry)",
  },
  {
    name: 'packet-id-not-recorded',
    rule: 'The packet id of a durable QoS 2 message is recorded before its PUBLISH leaves',
    file: KEEPER,
    find: "ops.push(this.#bind(entry, state, packetId))\n    this.#write(ops, 'power', done)",
    replace: 'ops.push(this.#bind(entry, state, packetId))\n    done()',
  },
  {
    name: 'packet-id-recorded-too-late',
    rule: 'What must be known after a crash is recorded before the bytes that depend on it leave',
    file: KEEPER,
    find: "ops.push(this.#bind(entry, state, packetId))\n    this.#write(ops, 'power', done)",
    replace:
      "ops.push(this.#bind(entry, state, packetId))\n    this.#write(ops, 'power')\n    done()",
  },
  {
    name: 'inbound-id-not-recorded',
    rule: 'The QoS 2 id of a message to us is recorded before PUBREC leaves',
    file: KEEPER,
    find: "this.#write([['set', `${INBOUND}${packetId}`, NO_BYTES]], 'power', done)",
    replace: 'done()',
  },
  {
    name: 'removal-not-written',
    rule: 'A message that has its outcome is forgotten by the outbox',
    file: KEEPER,
    find: 'this.#write(ops, isLazy',
    replace: 'if (entry.qos !== 2) this.#write(ops, isLazy',
  },
  {
    name: 'segments-never-freed',
    rule: 'The log takes no more of the disk than a few times what lives in it',
    file: LOG_STORE,
    find: 'async #tidy(): Promise<void> {',
    replace: 'async #tidy(): Promise<void> {\n    if (this.#nextNumber > 0) return',
  },
  {
    name: 'restored-under-a-new-id',
    rule: 'A QoS 2 exchange goes on after a restart where it was',
    file: KEEPER,
    find: 'if (!isLost) entry.packetId = packetId',
    replace: "if (!isLost) entry.state = 'new'",
  },
]
