// Rules of the engine, switched off; mutations.ts says how.

import type { Changes } from './mutations.ts'

export const ENGINE_CHANGES: Changes = {
  'src/engine/connection.ts': [
    ['|| method === undefined) return', ') return', { v5: 'MQTT-4.12.0-7' }],
    [
      '=== false) requireNoProblem(packet)',
      '=== true) requireNoProblem(packet)',
      { v5: 'MQTT-3.1.2-29' },
    ],
    ['packet.properties.assignedClientIdentifier ??', '', { v5: 'MQTT-3.1.3-2 §3.2.2.3.7' }],
    [
      'link.connection += 1',
      'link.connection += 1; link.connected = true',
      { both: 'MQTT-3.1.0-1', v5: 'MQTT-3.1.2-30' },
    ],
    [
      "if (this.state !== 'dialling') return",
      "if (this.state === 'idle') return",
      { both: 'MQTT-3.1.0-2' },
    ],
    ["if (settings.clientId !== '') this", 'this', { both: 'MQTT-3.1.3-2', v5: '§3.2.2.3.7' }],
    ["state === 'connected' && sayable", 'sayable', { v5: 'MQTT-3.2.0-1 §4.13.1' }],
    ["state === 'connected' && sayable", 'false', { v5: '§4.13.1 MQTT-4.13.1-1' }],
    [
      'orderly) this.#liveness.set(Timer.CLOSE, deadline)',
      'orderly) this.#liveness.set(Timer.CLOSE, Infinity)',
      { v4: 'MQTT-3.14.4-1', v5: 'MQTT-3.14.4-2' },
    ],
    [
      '    link.connected = false\n    if (open) this.#move(',
      '    if (open) this.#move(',
      { v4: 'MQTT-3.14.4-2', v5: 'MQTT-3.14.4-1' },
    ],
    [
      "link.outputs.push({ kind: 'close'",
      "link.outputs.shift(); void ({ kind: 'close'",
      { v4: 'MQTT-4.8.0-1 MQTT-3.14.4-1', v5: 'MQTT-4.13.2-1 MQTT-3.14.4-2' },
    ],
  ],
  'src/engine/endings.ts': [
    ['!packet.sessionPresent || !settings.cleanStart', 'true', { v5: 'MQTT-3.2.2-2' }],
    ['method !== undefined && named === method', 'method !== undefined', { v5: 'MQTT-4.12.0-5' }],
    ['method !== undefined && named === method', 'true', { v5: 'MQTT-4.12.0-6 §3.15' }],
    ['reasonString, serverReference, transient', 'reasonString, transient', { v5: '§3.2.2.3.16' }],
  ],
  'src/engine/connection-states.ts': [
    [
      '(1 << PacketType.CONNACK) | (1 << PacketType.AUTH)',
      '-1',
      { both: 'MQTT-3.2.0-1', v5: 'MQTT-3.14.0-1' },
    ],
    [
      '(SERVER_PACKETS >>> 16) & ~(1 << PacketType.CONNACK)',
      '(SERVER_PACKETS >>> 16)',
      { v4: 'MQTT-4.8.0-1', v5: 'MQTT-3.2.0-2' },
    ],
  ],
  'src/engine/handshake.ts': [
    [
      'const properties = { authenticationMethod,',
      "const properties = { userProperties: [['n', 'v'] as const], authenticationMethod,",
      { v5: 'MQTT-3.15.2-3' },
    ],
    [
      'const properties = { authenticationMethod,',
      "const properties = { reasonString: 'why', authenticationMethod,",
      { v5: 'MQTT-3.15.2-2' },
    ],
    [
      'const properties = { authenticationMethod,',
      "const properties = { authenticationMethod: 'X',",
      { v5: 'MQTT-4.12.0-5 MQTT-4.12.1-1' },
    ],
    ['again ? 0x19 : 0x18', '0x18', { v5: 'MQTT-4.12.1-1' }],
    ['again ? 0x19 : 0x18', '0x19', { v5: 'MQTT-4.12.0-3' }],
    ['again ? 0x19 : 0x18', '0x00', { v5: 'MQTT-3.15.2-1' }],
    [
      'cleanStart: settings.cleanStart',
      'cleanStart: true',
      { v4: 'MQTT-3.1.2-4', v5: 'MQTT-3.1.2-4' },
    ],
    [
      'keepAlive: settings.keepAliveSeconds',
      'keepAlive: 0',
      { v4: 'MQTT-3.1.2-23', v5: 'MQTT-3.1.2-20' },
    ],
    ['...(will && { will }),', '', { both: 'MQTT-3.1.2-9' }],
    [
      'sessionExpiryInterval: sessionExpirySeconds',
      'sessionExpiryInterval: 1',
      { v5: 'MQTT-3.1.2-23' },
    ],
    ['receiveMaximum < 65_535 &&', 'false &&', { v5: 'MQTT-3.3.4-9' }],
    ['maximumPacketSize: maximumPacketSizeBytes,', '', { v5: 'MQTT-3.1.2-24' }],
    ['topicAliasMaximum > 0 &&', 'false &&', { v5: 'MQTT-3.1.2-26 MQTT-3.1.2-27' }],
    ['requestProblemInformation === false &&', 'false &&', { v5: 'MQTT-3.1.2-29' }],
  ],
  'src/engine/engine.ts': [
    [
      'if (!this.#connection.handleOpened(now)) return',
      'if (this.#connection.handleOpened(now) !== undefined) return',
      { v4: 'MQTT-3.1.2-6', v5: 'MQTT-3.1.2-4' },
    ],
    [
      'if (reasonCode !== 0) return this.#end(',
      'if (reasonCode < 0) return this.#end(',
      { v4: 'MQTT-3.2.2-5 MQTT-3.1.2-2', v5: 'MQTT-3.2.2-7 MQTT-3.1.2-1 MQTT-3.1.2-2 §3.2.2.3.16' },
    ],
    [
      'if (!sessionPresent || this.#connection.settings?.cleanStart) this',
      'if (false) this',
      { v5: 'MQTT-3.2.2-5' },
    ],
    [
      '= this.limits.sessionExpirySeconds > 0',
      '= true',
      { v4: 'MQTT-3.1.2-6', v5: 'MQTT-3.1.2-4 §3.2.2.3.2' },
    ],
    [
      '= this.limits.sessionExpirySeconds > 0',
      '= false',
      { v4: 'MQTT-3.1.2-4 MQTT-4.1.0-1', v5: 'MQTT-3.1.2-23', both: 'MQTT-4.4.0-1' },
    ],
    [
      '(error.reasonCode as number) : 0x95',
      '(error.reasonCode as number) : 0x82',
      { v5: 'MQTT-3.1.2-24 §3.1.2.11.4' },
    ],
    ['(error.reasonCode as number)', '0x80', { v5: '§4.13.1 MQTT-4.13.1-1' }],
    [
      'case PacketType.DISCONNECT:\n        return this.#end(answerError(packet), undefined)',
      'case PacketType.DISCONNECT:\n        return undefined',
      { v5: 'MQTT-4.13.2-1 MQTT-4.12.1-2' },
    ],
    ['this.#liveness.isPingDue(now)', 'false', { v4: 'MQTT-3.1.2-23', v5: 'MQTT-3.1.2-20' }],
    ['writePing(this.#link.out)', '', { both: 'MQTT-3.12.4-1' }],
    [
      'return this.#inbound.handlePubrel(packetId)',
      'return undefined',
      { v4: 'MQTT-4.3.3-2', v5: 'MQTT-4.3.3-11' },
    ],
  ],
  'src/engine/constants.ts': [
    [
      'const PING_AFTER = 0.9',
      'const PING_AFTER = 1.1',
      { v4: 'MQTT-3.1.2-23', v5: 'MQTT-3.1.2-20' },
    ],
  ],
  'src/engine/liveness.ts': [
    ["'pingMs', now)", "'pingMs', Infinity)", { both: 'MQTT-3.12.4-1', v5: '§3.12.4' }],
  ],
  'src/engine/server-limits.ts': [
    ['said.receiveMaximum ??', '', { v5: 'MQTT-3.3.4-7 MQTT-4.9.0-1 MQTT-4.9.0-2' }],
    ['(version === 5 ? 65_535', '(version === 5 ? 1', { v5: '§3.2.2.3.3' }],
    ['said.maximumPacketSize ??', '', { v5: 'MQTT-3.2.2-15' }],
    ['said.maximumQoS ?? 2', '2', { v5: 'MQTT-3.2.2-11' }],
    ['said.retainAvailable ?? true', 'true', { v5: 'MQTT-3.2.2-14' }],
    ['said.serverKeepAlive ??', '', { v5: 'MQTT-3.1.2-21 MQTT-3.2.2-21' }],
    [
      'said.topicAliasMaximum ?? 0',
      'said.topicAliasMaximum || 9',
      { v5: 'MQTT-3.2.2-18 MQTT-3.3.2-9' },
    ],
    ['said.sessionExpiryInterval ??', '', { v5: '§3.2.2.3.2' }],
    ['said.wildcardSubscriptionAvailable ?? true', 'true', { v5: '§3.2.2.3.11' }],
    ['(said.subscriptionIdentifiersAvailable ?? true)', 'true', { v5: '§3.2.2.3.12' }],
    ['said.sharedSubscriptionAvailable ?? true', 'true', { v5: '§3.2.2.3.13' }],
  ],
  'src/engine/inflight.ts': [
    [
      'MAXIMUM_PACKET_IDS ? 1 : id + 1',
      'MAXIMUM_PACKET_IDS ? 0 : id + 1',
      { v4: 'MQTT-2.3.1-1', v5: 'MQTT-2.2.1-3' },
    ],
    [
      '} while (slots[id & mask] !== undefined)',
      '} while (false)',
      { both: 'MQTT-4.3.2-1 MQTT-4.3.3-1', v4: 'MQTT-2.3.1-2', v5: 'MQTT-2.2.1-3' },
    ],
    ['    slots[slot] = undefined\n', '', { v4: 'MQTT-2.3.1-3' }],
  ],
  'src/engine/aliases.ts': [
    [
      'if (alias > this.#maximum) {',
      'if (false) {',
      { v5: 'MQTT-3.1.2-26 MQTT-3.1.2-27 MQTT-3.3.2-11 §3.3.2.3.4' },
    ],
    ['if (alias > this.#maximum) {', 'if (alias >= this.#maximum) {', { v5: 'MQTT-3.3.2-10' }],
    ['if (known === undefined) {', 'if (false) {', { v5: 'MQTT-3.3.2-7 §3.3.2.3.4' }],
    ['alias = this.#aliases.size + 1', 'alias = this.#aliases.size', { v5: 'MQTT-3.3.2-8' }],
    [
      'this.#aliases.size < this.#maximum',
      'this.#aliases.size <= this.#maximum',
      { v5: 'MQTT-3.2.2-17 MQTT-3.3.2-9' },
    ],
  ],
  'src/engine/requests.ts': [
    [
      'if (answer.length !== asked.length) {',
      'if (false) {',
      { v4: 'MQTT-3.8.4-5', v5: 'MQTT-3.8.4-6 MQTT-3.11.3-1' },
    ],
    [
      "operation.kind === 'publish' || operation.kind !== wanted",
      'false',
      { v4: 'MQTT-2.3.1-7', v5: 'MQTT-2.2.1-6' },
    ],
    [
      'inflight.get(packetId)',
      '[...inflight.values()][0]',
      { v4: 'MQTT-2.3.1-7', v5: 'MQTT-2.2.1-6' },
    ],
    [
      'if (inflight.full) return',
      'if (inflight.size >= link.limits.receiveMaximum) return',
      { v5: 'MQTT-3.3.4-8 MQTT-4.9.0-3' },
    ],
    ['!limits.subscriptionIdsAvailable', 'false', { v5: '§3.2.2.3.12' }],
    ['!limits.sharedSubscriptionAvailable', 'false', { v5: '§3.2.2.3.13' }],
    ['!limits.wildcardSubscriptionAvailable', 'false', { v5: '§3.2.2.3.11' }],
    ['version === 4 && (noLocal', 'false && (noLocal', { v4: 'MQTT-3-8.3-4' }],
  ],
  'src/engine/link.ts': [
    ['if (sizeBytes <= limitBytes) return undefined', 'return undefined', { v5: 'MQTT-3.2.2-15' }],
    ['if (tooLarge !== undefined) return tooLarge', '', { v5: 'MQTT-3.2.2-15' }],
  ],
  'src/engine/publish-checks.ts': [
    ['  if (qos > limits.maximumQoS) return', '  if (false) return', { v5: 'MQTT-3.2.2-11' }],
    ['if (retain && !limits.retainAvailable) return', 'if (false) return', { v5: 'MQTT-3.2.2-14' }],
    ['return sizeError(', 'void (', { v5: 'MQTT-3.2.2-15' }],
    ["|| operation.state !== 'waiting') return", ') return', { v5: 'MQTT-4.3.3-7' }],
  ],
  'src/engine/publish-writer.ts': [
    [
      'Math.min(link.limits.topicAliasMaximum, most)',
      'most',
      { v5: 'MQTT-3.2.2-17 MQTT-3.2.2-18 MQTT-3.3.2-9' },
    ],
    ['sizeBytes + ALIAS_BYTES <=', 'sizeBytes <=', { v5: 'MQTT-3.2.2-15' }],
  ],
  'src/engine/outbound.ts': [
    ['this.#writer = undefined', '', { v5: 'MQTT-3.3.2-7' }],
    ['?.has(packetId) === false', '?.has(packetId) === true', { v5: 'MQTT-3.2.2-4' }],
    ['operation.dup = true', 'operation.dup = false', { both: 'MQTT-3.3.1-1' }],
    [
      'this.#used < Math.min(this.sendQuota, this.#link.limits.receiveMaximum)',
      'true',
      { v5: 'MQTT-3.3.4-7 MQTT-4.9.0-1 MQTT-4.9.0-2' },
    ],
    [
      'if (!this.#mayFollow(operation.qos, operation.staged, operation.packetId)) return',
      '',
      { v5: 'MQTT-3.3.4-7 MQTT-4.9.0-1' },
    ],
    ['if (this.#used > 0) this.#used -= 1', '', { v5: 'MQTT-4.9.0-2' }],
    [
      "if (held || state === 'released') {",
      'if (false) {',
      { v4: 'MQTT-4.3.3-1', v5: 'MQTT-4.3.3-5 MQTT-4.3.3-6', both: 'MQTT-4.4.0-1' },
    ],
    [
      'found.sort((a, b) => a.sequence - b.sequence)',
      'found',
      { both: 'MQTT-4.6.0-1 MQTT-4.6.0-4' },
    ],
    [
      'sendAck(this.#link, PacketType.PUBREL, packetId, 0x92)',
      'sendAck(this.#link, PacketType.PUBREL, packetId, 0x93)',
      { v5: 'MQTT-3.6.2-1 MQTT-3.6.2-2 MQTT-3.6.2-3' },
    ],
    [
      'const refused = type !== PacketType.PUBCOMP && reasonCode >= 0x80',
      'const refused = false',
      { v5: 'MQTT-4.4.0-2' },
    ],
    [
      'throw misfitError(operation, type)',
      'return undefined',
      { v4: 'MQTT-4.3.2-1 MQTT-4.3.3-1', v5: 'MQTT-4.3.2-3 MQTT-4.3.3-3' },
    ],
    ['if (!resumed) return this.inflight.clear()', 'if (!resumed) return', { v5: 'MQTT-3.2.2-5' }],
    ['refusalOf(operation, link) ??', '', { v5: 'MQTT-3.2.2-11 MQTT-3.2.2-14 MQTT-3.2.2-15' }],
    [
      'link.connected ? refusalOf(operation, link) : undefined',
      'undefined',
      { v5: 'MQTT-3.2.2-11 MQTT-3.2.2-14 MQTT-3.2.2-15' },
    ],
    [
      'this.#resend.push(operation)',
      'void operation',
      {
        both: 'MQTT-4.4.0-1 MQTT-4.6.0-1',
        v4: 'MQTT-3.1.2-4 MQTT-4.1.0-1 MQTT-4.3.2-1 MQTT-4.3.3-1 MQTT-2.3.1-3',
        v5: 'MQTT-3.1.2-23 MQTT-4.3.2-3 MQTT-4.3.3-3',
      },
    ],
  ],
  'src/engine/release-line.ts': [
    [
      'sendAck(this.#link, PacketType.PUBREL, packetId, 0)',
      '',
      { v4: 'MQTT-4.3.3-1 MQTT-2.3.1-6', v5: 'MQTT-4.3.3-4 MQTT-2.2.1-5' },
    ],
  ],
  'src/engine/inbound.ts': [
    [
      'message.handled = reasonCode\n',
      'message.handled = reasonCode; sendAck(this.#link, message.packet.qos === 1 ? 4 : 5, message.packet.packetId, 0)\n',
      { both: 'MQTT-4.6.0-2 MQTT-4.6.0-3' },
    ],
    [
      'qos === 1 ? PacketType.PUBACK : PacketType.PUBREC',
      'qos === 1 ? PacketType.PUBREC : PacketType.PUBACK',
      {
        both: 'MQTT-3.3.4-1 MQTT-4.5.0-2',
        v4: 'MQTT-4.3.2-2 MQTT-4.3.3-2',
        v5: 'MQTT-4.3.2-4 MQTT-4.3.3-8',
      },
    ],
    [
      'PacketType.PUBREC, packetId, reasonCode)',
      'PacketType.PUBREC, packetId + 1, reasonCode)',
      { v4: 'MQTT-2.3.1-6', v5: 'MQTT-2.2.1-5' },
    ],
    [
      'PacketType.PUBREC, packetId, reasonCode)',
      'PacketType.PUBREC, packetId, 0)',
      { v5: 'MQTT-3.4.2-2 MQTT-3.4.2-3 MQTT-3.5.2-2 MQTT-3.5.2-3' },
    ],
    [
      "if (state === 'recorded') {",
      'if (false) {',
      { v4: 'MQTT-4.3.3-2 MQTT-4.1.0-2', v5: 'MQTT-4.3.3-10 MQTT-4.1.0-1 §4.3' },
    ],
    [
      'if (packet.qos === 2) {',
      'if (packet.qos > 0) {',
      { v4: 'MQTT-4.3.2-2', v5: 'MQTT-4.3.2-5' },
    ],
    ['known ? 0 : 0x92', '0', { v5: '§3.6.2.1 MQTT-3.7.2-1 MQTT-3.7.2-2 MQTT-3.7.2-3' }],
    [
      'sendAck(this.#link, PacketType.PUBCOMP, packetId,',
      'void (PacketType.PUBCOMP,',
      { v4: 'MQTT-4.3.3-2', v5: 'MQTT-4.3.3-11 MQTT-4.3.3-13 §3.6.2.1' },
    ],
    [
      'this.#received?.delete(packetId)\n      if (this.#open > 0)',
      'if (this.#open > 0)',
      { v4: 'MQTT-4.3.3-2', v5: 'MQTT-4.3.3-12' },
    ],
    [
      'if (refused) this.#forget(message)',
      'if (false) this.#forget(message)',
      { v5: 'MQTT-4.3.3-9' },
    ],
    ['this.#open <= this.#options.receiveMaximum', 'true', { v5: 'MQTT-3.3.4-9 §3.1.2.11.3' }],
    [
      'if (!this.#options.enforceReceiveMaximum) return',
      'return',
      { v5: 'MQTT-3.3.4-9 §3.1.2.11.3' },
    ],
    ['if (!this.#options.enforceReceiveMaximum) return', '', { v5: 'MQTT-3.3.4-9 §3.1.2.11.3' }],
    ['    this.#aliases = undefined\n', '', { v5: 'MQTT-3.3.2-7' }],
    [
      '      this.#received?.delete(packetId)\n    }\n    this.#doubtful',
      '    }\n    this.#doubtful',
      { v5: 'MQTT-3.2.2-5 MQTT-3.1.2-4', v4: 'MQTT-3.1.2-6' },
    ],
  ],
}
