// Planted bugs in what the engine does on one connection: `find` is in its file exactly once.

import type { Mutant } from './mutant.ts'

const OUTBOUND = 'src/engine/outbound.ts'
const INBOUND = 'src/engine/inbound.ts'

export const ENGINE_MUTANTS: readonly Mutant[] = [
  {
    name: 'payload-dropped-at-pubrec',
    rule: 'The payload of a QoS 1 or 2 message is kept until its last acknowledgement',
    file: OUTBOUND,
    find: 'operation.answer = reasonCode\n',
    replace:
      "operation.answer = reasonCode\n      if (typeof operation.payload === 'string') operation.payload = ' '.repeat(operation.payload.length)\n      else operation.payload = new Uint8Array(operation.payload.length)\n",
  },
  {
    name: 'packet-id-reused',
    rule: 'A packet id is not used again while it is in flight',
    file: 'src/engine/inflight.ts',
    find: 'this.#lastId = id\n    operation',
    replace: 'this.#lastId = id % 3\n    operation',
    also: [
      {
        file: 'src/engine/inflight.ts',
        find: 'while (slots[id & mask] !== undefined)',
        replace: 'while (false)',
      },
    ],
  },
  {
    name: 'dup-missing',
    rule: 'What is sent again in the same session says so: DUP [MQTT-3.3.1-1]',
    file: OUTBOUND,
    find: 'operation.dup = true',
    replace: 'operation.dup = false',
  },
  {
    name: 'pubrel-not-sent-again',
    rule: 'A resumed session sends PUBREL again for what PUBREC has answered [MQTT-4.4.0-1]',
    file: OUTBOUND,
    find: 'else this.#releases.add(operation)',
    replace: '',
  },
  {
    name: 'receive-maximum-ignored',
    rule: 'Never more in flight than the Receive Maximum of the server [MQTT-3.3.4-7]',
    file: OUTBOUND,
    find: 'Math.min(this.sendQuota, this.#link.limits.receiveMaximum)',
    replace: 'Math.max(this.sendQuota, this.#link.limits.receiveMaximum)',
  },
  {
    name: 'order-inverted-after-reconnect',
    rule: 'What a resumed session sends again keeps its order [MQTT-4.6.0-1]',
    file: OUTBOUND,
    find: 'a.sequence - b.sequence',
    replace: 'b.sequence - a.sequence',
  },
  {
    name: 'packet-size-ignored',
    rule: 'No packet above the Maximum Packet Size of the server [MQTT-3.1.2-24]',
    file: 'src/engine/publish-checks.ts',
    find: 'return sizeError(link, call, sizeOf(operation, version))',
    replace: 'return undefined',
  },
  {
    name: 'qos-above-maximum',
    rule: 'No QoS above the Maximum QoS of the server [MQTT-3.2.2-11]',
    file: 'src/engine/publish-checks.ts',
    find: 'if (qos > limits.maximumQoS) return',
    replace: 'if (qos > 2) return',
  },
  {
    name: 'aliases-outlive-connection',
    rule: 'Topic aliases die with their connection [MQTT-3.3.2-7]',
    file: OUTBOUND,
    find: 'this.#writer = undefined',
    replace: '',
  },
  {
    name: 'adopted-id-not-cleared',
    rule: 'A packet id that the server may hold for something else is cleared before it is used',
    file: OUTBOUND,
    find: 'if (adopted) this.#cleared = new Set()\n    else if',
    replace: 'if (adopted) this.#cleared = undefined\n    else if',
    also: [
      {
        file: OUTBOUND,
        find: 'if (adopted) this.#cleared = new Set()\n    this.restore',
        replace: 'this.restore',
      },
    ],
  },
  {
    name: 'inbound-id-forgotten',
    rule: 'A QoS 2 message that comes again is answered again and not handed out again [MQTT-4.3.3-10]',
    file: INBOUND,
    find: "if (state === 'recorded') {",
    replace: "if (state === 'recorded' && !packet.dup) {",
    also: [
      {
        file: INBOUND,
        find: 'if (state === undefined) {\n        this.#record',
        replace: "if (state === undefined || state === 'recorded') {\n        this.#record",
      },
    ],
  },
  {
    name: 'ack-on-the-wrong-connection',
    rule: 'An acknowledgement goes to the connection that its message came on, or to none',
    file: INBOUND,
    find: 'this.#owed = undefined',
    replace: '',
    also: [
      {
        file: INBOUND,
        find: 'if (message.connection === this.#link.connection && this.#link.connected) {',
        replace: 'if (this.#link.connected) {',
      },
    ],
  },
  {
    name: 'acknowledged-before-handled',
    rule: 'A message is acknowledged when its handlers are done, not before they began',
    file: 'src/simple/inbox.ts',
    find: 'message.consumers += 1\n      this.watch',
    replace: 'this.watch',
  },
]
