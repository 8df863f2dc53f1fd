// `umqtt pub`: the command's options, and one run of it from the first to the last message.
// What is sent is read in plan.ts and lines.ts, and handed over in run.ts.

import { readDuration } from '../duration.ts'
import { type Command, command } from '../command.ts'
import { CLIENT_OPTIONS } from '../client-options.ts'
import { CONNECTION_OPTIONS } from '../connection-options.ts'
import { publish } from './run.ts'

const OPTIONS = {
  topic: {
    kind: 'text',
    short: 't',
    placeholder: 'TOPIC',
    essential: true,
    help: 'where to publish',
  },
  message: {
    kind: 'text',
    short: 'm',
    placeholder: 'TEXT',
    essential: true,
    help: 'the payload; or -n for none',
  },
  file: {
    kind: 'text',
    short: 'f',
    placeholder: 'FILE',
    offers: 'file',
    essential: true,
    help: 'a file as the payload; or -s for standard input',
  },
  stdinLine: {
    kind: 'flag',
    short: 'l',
    essential: true,
    help: 'each line of standard input is a message',
  },
  ...CONNECTION_OPTIONS,
  ...CLIENT_OPTIONS,
  stdinFile: { kind: 'flag', short: 's', help: 'all of standard input is one message' },
  nullMessage: { kind: 'flag', short: 'n', help: 'an empty payload' },
  json: {
    kind: 'flag',
    help: 'each line of standard input is a message in JSON, as umqtt sub --json prints it',
  },
  qos: {
    kind: 'choice',
    short: 'q',
    words: ['0', '1', '2'],
    essential: true,
    help: 'QoS [0; 1 with a promise]',
  },
  retain: { kind: 'flag', short: 'r', essential: true, help: 'the server keeps it for later' },
  delivery: {
    kind: 'text',
    placeholder: 'WORTH',
    offers: ['fleeting', 'latest', 'within=15s', 'guaranteed'],
    essential: true,
    help: 'fleeting, latest, within=15s or guaranteed',
  },
  within: {
    kind: 'duration',
    read: readDuration,
    placeholder: 'TIME',
    help: 'the time that a message may take; it ends with 3 after that',
  },
  outbox: {
    kind: 'text',
    placeholder: 'DIR',
    offers: 'folder',
    essential: true,
    help: 'keep messages there until they are delivered',
  },
  wait: {
    kind: 'duration',
    read: readDuration,
    short: 'W',
    placeholder: 'TIME',
    essential: true,
    help: 'give up after that [30s without --outbox]',
  },
  window: {
    kind: 'integer',
    placeholder: 'N',
    min: 1,
    max: 100_000,
    help: 'with -l: lines that were read and are not stored [1000]',
  },
  progress: {
    kind: 'integer',
    placeholder: 'FD',
    min: 1,
    max: 1_024,
    help: 'with -l --outbox: write the number of the last stored line to this descriptor',
  },
  firstLine: {
    kind: 'integer',
    placeholder: 'N',
    min: 1,
    max: Number.MAX_SAFE_INTEGER,
    help: 'the number of the first line of a pipe; lines that are stored already are left out',
  },
  restart: { kind: 'flag', help: 'with -l --outbox: forget how far the input was read' },
  outboxMessages: {
    kind: 'integer',
    placeholder: 'N',
    min: 1,
    max: Number.MAX_SAFE_INTEGER,
    help: 'messages that may wait [250000]; -l stops reading there',
  },
  outboxBytes: {
    kind: 'integer',
    placeholder: 'N',
    min: 1,
    max: Number.MAX_SAFE_INTEGER,
    help: 'their bytes [67108864]',
  },
  repeat: {
    kind: 'integer',
    placeholder: 'N',
    min: 1,
    max: Number.MAX_SAFE_INTEGER,
    help: 'send the message so many times',
  },
  repeatDelay: {
    kind: 'duration',
    read: readDuration,
    placeholder: 'TIME',
    help: 'the time between two of them',
  },
} as const

export const pubCommand: Command = command({
  name: 'pub',
  summary: 'Publishes a message, or each line of standard input, and says what became of it.',
  examples: [
    'umqtt pub -t hall/light -m on --delivery within=15s',
    'tail -F app.log | umqtt pub -t log -l --outbox spool',
    'umqtt pub -t log -l -q 2 --outbox spool < app.log',
    "umqtt sub -t 'hall/#' --json | umqtt pub -h other --json",
  ],
  options: OPTIONS,
  endings: ['expired', 'refused', 'unfinished', 'maybe', 'damaged', 'timedOut'],
  run: (context, { values }) => publish(context, values),
})
