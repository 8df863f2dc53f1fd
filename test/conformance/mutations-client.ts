// Rules of the public client and the transports, switched off; mutations.ts says how.

import type { Changes } from './mutations.ts'

export const CLIENT_CHANGES: Changes = {
  'src/simple/client.ts': [
    [
      "checkText('clientId', clientId)",
      '',
      { both: 'MQTT-3.1.3-4', v4: 'MQTT-1.5.3-1 MQTT-1.5.3-2', v5: 'MQTT-1.5.4-1 MQTT-1.5.4-2' },
    ],
  ],
  'src/simple/checks.ts': [
    ['checkText(name, pair[0])', 'pair[0]', { v5: 'MQTT-1.5.7-1' }],
    ['checkText(name, pair[1])', 'pair[1]', { v5: 'MQTT-1.5.7-1' }],
    ["text.includes('\\0')", 'false', { v4: 'MQTT-1.5.3-2', v5: 'MQTT-1.5.4-2 MQTT-1.5.7-1' }],
  ],
  'src/simple/options.ts': [
    ['user: checkText', 'user: asGiven', { v4: 'MQTT-3.1.3-11', v5: 'MQTT-3.1.3-12' }],
    ['topic: checkPublishTopic', 'topic: asGiven', { v4: 'MQTT-3.1.3-10', v5: 'MQTT-3.1.3-11' }],
    ['qos: checkQos', 'qos: oneOf(0, 1, 2, 3 as 2)', { v4: 'MQTT-3.1.2-14', v5: 'MQTT-3.1.2-12' }],
    ['if (given.password !== undefined', 'if (false', { v4: 'MQTT-3.1.2-22' }],
  ],
  'src/simple/properties.ts': [
    [
      'responseTopic: checkPublishTopic,\n',
      'responseTopic: checkPublishTopic,\n  subscriptionIds: (_: string, value: unknown) => value,\n',
      { v5: 'MQTT-3.3.4-6' },
    ],
    [
      'responseTopic: checkPublishTopic,\n',
      'responseTopic: checkPublishTopic,\n  topicAlias: (_: string, value: unknown) => value,\n',
      { v5: 'MQTT-3.3.2-8' },
    ],
    ['contentType: checkText', 'contentType: (_, value) => value', { v5: 'MQTT-3.3.2-19' }],
    [
      'responseTopic: checkPublishTopic',
      'responseTopic: (_, value) => value',
      { v5: 'MQTT-3.3.2-13 MQTT-3.3.2-14' },
    ],
    [
      '{ subscriptionIds: subscriptionIdentifiers }',
      '{ subscriptionIds: subscriptionIdentifiers.slice(0, 1) }',
      { v5: '§3.3.2.3.8' },
    ],
  ],
  'src/simple/requests.ts': [
    ["checkQos('qos', qos)\n", '\n', { both: 'MQTT-3.3.1-4' }],
    [
      "utf8Length(checkPublishTopic('topic', topic))",
      'utf8Length(topic)',
      { both: 'MQTT-3.3.2-2 MQTT-4.7.3-1 MQTT-4.7.3-2 MQTT-4.7.3-3' },
    ],
    [
      "filters.map((each: string) => checkSubscribeFilter('filter', each))",
      'filters',
      { both: 'MQTT-3.8.3-1 MQTT-3.10.3-1 MQTT-4.7.3-1' },
    ],
    [
      'filters.length === 0',
      'filters.length < 0',
      { both: 'MQTT-3.10.3-2', v4: 'MQTT-3.8.3-3', v5: 'MQTT-3.8.3-2' },
    ],
    [
      'if (given.noLocal && parseSharedFilter(filter) !== undefined) {',
      'if (false) {',
      { v5: 'MQTT-3.8.3-4' },
    ],
    ['    4,\n    0x80,', '    4,\n    0x87,\n    0x80,', { v5: 'MQTT-3.14.2-1' }],
  ],
  'src/simple/message.ts': [
    ['(0, 0x80, 0x83', '(0, 1, 0x80, 0x83', { v5: 'MQTT-3.4.2-1 MQTT-3.5.2-1' }],
  ],
  'src/simple/answers.ts': [
    ['answer[index] as number', 'answer[0] as number', { both: 'MQTT-3.9.3-1' }],
    [
      'const [first] = refused',
      'const [first] = refused.length ? grants : refused',
      { v5: 'MQTT-3.11.3-1' },
    ],
  ],
  'src/simple/constants.ts': [
    ['const NO_ANSWER = 0x80', 'const NO_ANSWER = 0x87', { v5: 'MQTT-3.14.2-1 MQTT-4.12.1-2' }],
  ],
  'src/simple/client-core.ts': [
    [
      'if (this.#authenticator === undefined) {\n',
      "this.#authenticator ??= new Authenticator({ method: '' }, this.#driver)\n    if (false) {\n",
      { v5: 'MQTT-4.12.0-7' },
    ],
    [
      "if (state === 'connecting' || state === 'connected') {",
      'if (false) {',
      { both: 'MQTT-3.1.0-2' },
    ],
    ['(password !== undefined && user === undefined) ||', '', { v4: 'MQTT-3.1.2-22' }],
    ["this.clientId === '' && this.version === 4", 'false', { v4: 'MQTT-3.1.3-7' }],
    ["(this.clientId === '' && !isClean(request, 4))", 'false', { v4: 'MQTT-3.1.3-7' }],
  ],
  'src/simple/inbox.ts': [['return this.#leave(message, 0)', 'return', { both: 'MQTT-4.5.0-2' }]],
  'src/transport/socket-transport.ts': [
    [
      'let i = 0; i < last; i++',
      'let i = last; i-- > 1; ',
      { v4: 'MQTT-7.1.2-1', v5: 'MQTT-4.2-1' },
    ],
  ],
  'src/transport/websocket.ts': [
    ["if (typeof data !== 'string') {", 'if (true) {', { both: 'MQTT-6.0.0-1' }],
    [
      'this.socket?.send(chunk)',
      'this.socket?.send(String.fromCharCode(...chunk) as never)',
      { both: 'MQTT-6.0.0-1' },
    ],
    ['socket.protocol === SUB_PROTOCOL', 'true', { both: 'MQTT-6.0.0-4' }],
    ["SUB_PROTOCOL = 'mqtt'", "SUB_PROTOCOL = 'mqttv3.1'", { both: 'MQTT-6.0.0-3' }],
  ],
}
