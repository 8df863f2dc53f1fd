// Rules of the codec, switched off; mutations.ts says how.

import type { Changes } from './mutations.ts'

export const CODEC_CHANGES: Changes = {
  'src/codec/utf8.ts': [
    [
      '(text.length < size && utf8Length(text) !== size)',
      'false',
      { v4: 'MQTT-1.5.3-1', v5: 'MQTT-1.5.4-1 MQTT-1.5.7-1' },
    ],
    [
      'if (byte >> 6 !== 2) return undefined',
      '',
      { v4: 'MQTT-3.3.2-1', v5: 'MQTT-3.3.2-1 MQTT-3.3.2-13 MQTT-3.3.2-19' },
    ],
    ["text!.includes('\\0')", 'false', { both: 'MQTT-4.7.3-2', v5: 'MQTT-1.5.4-2 MQTT-1.5.7-1' }],
    ["text!.includes('\\0')", '/[\\0-\\x1f]/.test(text!)', { v5: '§1.5.4' }],
    ['/[\\0#+]/', '/[\\0]/', { both: 'MQTT-3.3.2-2' }],
    [
      '? undefined : text\n',
      "? undefined : text.replace('\\ufeff', '')\n",
      { v4: 'MQTT-1.5.3-3', v5: 'MQTT-1.5.4-3' },
    ],
    ['sizeBytes > 0xffff', 'false', { both: 'MQTT-4.7.3-3' }],
    ['else if (point >> 11 === 27) return -1', '', { v4: 'MQTT-1.5.3-1', v5: 'MQTT-1.5.4-1' }],
  ],
  'src/codec/topics.ts': [
    [
      '/[#+]/.test(topic!)',
      'false',
      { both: 'MQTT-3.3.2-2', v4: 'MQTT-4.7.1-1', v5: 'MQTT-4.7.0-1 MQTT-3.3.2-14' },
    ],
    ["topic === ''\n", "topic === '-'\n", { both: 'MQTT-4.7.3-1' }],
    ["[/^$/, ['empty'", "[/^-$/, ['empty'", { both: 'MQTT-4.7.3-1' }],
    ['/#.|[^/]#/s', '/^##$/', { v4: 'MQTT-4.7.1-2', v5: 'MQTT-4.7.1-1' }],
    ['/[^/]\\+|\\+[^/]/', '/^-$/', { v4: 'MQTT-4.7.1-3', v5: 'MQTT-4.7.1-2' }],
    ['(?![^/+#]+\\/.)', '(?!.+\\/.)', { v5: 'MQTT-4.8.2-2' }],
    ['(?![^/+#]+\\/.)', '(?![^/+#]*\\/.)', { v5: 'MQTT-4.8.2-1' }],
  ],
  'src/codec/carriers.ts': [
    ['(0xa80 >> type)', '(0xa00 >> type)', { both: 'MQTT-3.6.1-1' }],
    ['(0xa80 >> type)', '(0x880 >> type)', { both: 'MQTT-3.8.1-1' }],
    ['(0xa80 >> type)', '(0x280 >> type)', { both: 'MQTT-3.10.1-1' }],
  ],
  'src/codec/decode.ts': [
    ['if (byte === 0 && shift > 0 &&', 'if (false &&', { v5: 'MQTT-1.5.5-1' }],
    [
      'if (type !== 3 && flags !== flagsOf(type))',
      'if (false)',
      { v4: 'MQTT-2.2.2-2', both: 'MQTT-3.6.1-1', v5: 'MQTT-2.1.3-1 MQTT-3.14.1-1 MQTT-3.15.1-1' },
    ],
    [
      'if (sizeBytes > limitBytes)',
      'if (false)',
      { v4: 'MQTT-4.8.0-1', v5: 'MQTT-3.1.2-24 §3.1.2.11.4' },
    ],
    [
      'this.#held.set(part, held)',
      'if (part.length > 9) this.#held.set(part, held)',
      { both: 'MQTT-6.0.0-2' },
    ],
    [
      "if (!this.carriers) this.fail('type'",
      "if (!this.carriers) return 0; if (false) this.fail('type'",
      { v4: 'MQTT-4.8.0-1', v5: 'MQTT-4.13.1-1' },
    ],
  ],
  'src/codec/writer.ts': [
    ['for (; rest > 127; rest >>= 7)', 'for (; rest > 63; rest >>= 7)', { v5: 'MQTT-1.5.5-1' }],
    ['    this.varint(size)\n', '', { v5: 'MQTT-2.2.2-1' }],
  ],
  'src/codec/encode.ts': [
    ['remaining > 127; remaining', 'remaining > 63; remaining', { v5: 'MQTT-1.5.5-1' }],
    ['(header.dup ? 8 : 0)', '0', { both: 'MQTT-3.3.1-1' }],
    [
      '(header.dup ? 8 : 0)',
      '8',
      {
        both: 'MQTT-3.3.1-2 MQTT-4.3.1-1',
        v4: 'MQTT-4.3.2-1 MQTT-4.3.3-1',
        v5: 'MQTT-4.3.2-2 MQTT-4.3.3-2',
      },
    ],
    ['  bytes[at++] = topicBytes >> 8\n', '', { both: 'MQTT-3.3.2-1' }],
    ['  if (qos > 0) {', '  if (qos >= 0) {', { v4: 'MQTT-2.3.1-5', v5: 'MQTT-2.2.1-2' }],
    [
      '(type === PacketType.PUBREL ? 2 : 0)',
      '0',
      { both: 'MQTT-3.6.1-1', v4: 'MQTT-2.2.2-1', v5: 'MQTT-2.1.3-1' },
    ],
    ['if (!short) bytes[at++] = reasonCode', '', { v5: 'MQTT-3.6.2-1 MQTT-3.7.2-1' }],
    ['= 0xc0', '= 0xc1', { v4: 'MQTT-2.2.2-1', v5: 'MQTT-2.1.3-1' }],
    [
      '(type << 4) | writer.flags',
      '(type << 4) | 1',
      {
        both: 'MQTT-3.8.1-1 MQTT-3.10.1-1',
        v4: 'MQTT-2.2.2-1 MQTT-3.14.1-1',
        v5: 'MQTT-2.1.3-1 MQTT-3.15.1-1',
      },
    ],
    ['bytes[at++] = 0\n', '', { v5: 'MQTT-2.2.2-1' }],
  ],
  'src/codec/properties.ts': [
    ['if (cursor.version === 4)', 'if (false)', { v4: 'MQTT-7.0.0-2' }],
    ['if (found[name] !== undefined && ', 'if (false && ', { v5: 'MQTT-4.13.1-1 §3.2.2.3.4' }],
    [
      'cursor.fail(name, value,',
      'void (name, value,',
      {
        v5: 'MQTT-3.2.2-9 §3.2.2.3.3 §3.2.2.3.4 §3.2.2.3.6 §3.3.2.3.4 §3.3.2.3.8',
      },
    ],
    ['if (!row || !(row[2] & ', 'if (!row || !(-1 | ', { v5: 'MQTT-3.14.2-2' }],
    [
      'cursor.string(name, pair[0])',
      'cursor.string(name, pair[0], () => undefined)',
      { v5: 'MQTT-1.5.7-1' },
    ],
    [
      'cursor.string(name, pair[1])',
      'cursor.string(name, pair[1], () => undefined)',
      { v5: 'MQTT-1.5.7-1' },
    ],
  ],
  'src/codec/layouts.ts': [
    [
      "cursor.string('protocol name', 'MQTT')",
      "cursor.string('protocol name', 'MQIsdp')",
      { both: 'MQTT-3.1.2-1' },
    ],
    ['given.version as number', '9 - given.version!', { both: 'MQTT-3.1.2-2' }],
    ['(given.cleanStart ? 2 : 0)', '(given.cleanStart ? 3 : 1)', { both: 'MQTT-3.1.2-3' }],
    ['(will ? 4 | (will.qos', '(will ? (will.qos', { both: 'MQTT-3.1.2-9' }],
    [
      '(will.retain ? 32 : 0) : 0)',
      '(will.retain ? 32 : 0) : 32)',
      { both: 'MQTT-3.1.2-11 MQTT-3.1.2-13', v4: 'MQTT-3.1.2-15' },
    ],
    ['(flags & 24) === 24', 'false', { v4: 'MQTT-3.1.2-14', v5: 'MQTT-3.1.2-12' }],
    ['(password ? 64 : 0)', '64', { v4: 'MQTT-3.1.2-20', v5: 'MQTT-3.1.2-18' }],
    ['(flags & 64 && {', '(flags & 256 && {', { v4: 'MQTT-3.1.2-21', v5: 'MQTT-3.1.2-19' }],
    ['(userName === undefined ? 0 : 128)', '128', { v4: 'MQTT-3.1.2-18', v5: 'MQTT-3.1.2-16' }],
    ['(flags & 128 && {', '(flags & 256 && {', { v4: 'MQTT-3.1.2-19', v5: 'MQTT-3.1.2-17' }],
    [
      "topic: cursor.string('topic'",
      "first: cursor.binary(will?.payload as Uint8Array), topic: cursor.string('topic'",
      { both: 'MQTT-3.1.3-1' },
    ],
    [
      "clientId: cursor.string('clientId', given.clientId as string)",
      "clientId: ''",
      { both: 'MQTT-3.1.3-3' },
    ],
    ['if (flags > 1)', 'if (false)', { v5: 'MQTT-3.2.2-1' }],
    ['if (flags && code)', 'if (false)', { v4: 'MQTT-3.2.2-4', v5: 'MQTT-3.2.2-6' }],
    [
      'if (!known)',
      'if (false)',
      {
        both: 'MQTT-3.9.3-2',
        v5: 'MQTT-3.2.2-8 MQTT-3.4.2-1 MQTT-3.5.2-1 MQTT-3.6.2-1 MQTT-3.7.2-1 MQTT-3.11.3-2 MQTT-3.14.2-1 MQTT-3.15.2-1 MQTT-4.12.0-2',
      },
    ],
    ['if (id === 0)', 'if (false)', { v5: 'MQTT-2.2.1-4' }],
    ['if ((qos as number) === 3)', 'if (false)', { both: 'MQTT-3.3.1-4' }],
    ['if (qos === 0 && flags & 8)', 'if (false)', { both: 'MQTT-3.3.1-2' }],
    ['if (!topic && some', 'if (false && some', { both: 'MQTT-4.7.3-1' }],
    ['!qos ? 0 : packetId(', 'qos < 0 ? 0 : packetId(', { v4: 'MQTT-2.3.1-5', v5: 'MQTT-2.2.1-2' }],
    [
      '(given.qos as number) |\n',
      '(given.qos as number) | 64 |\n',
      { v4: 'MQTT-3-8.3-4', v5: 'MQTT-3.8.3-5' },
    ],
    ['?? 0) << 4)', '?? 0) << 6)', { v5: 'MQTT-3.8.3-5' }],
  ],
}
