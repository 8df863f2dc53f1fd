// What a person writes on a command line, read by a table of options.

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { readDuration } from '../../src/cli/duration.ts'
import { readArguments } from '../../src/cli/arguments.ts'
import { command } from '../../src/cli/command.ts'

const sample = command({
  name: 'sample',
  summary: 'Does nothing.',
  examples: ['umqtt sample'],
  options: {
    topic: { kind: 'text', short: 't', placeholder: 'TOPIC', multiple: true, help: 'a topic' },
    message: { kind: 'text', short: 'm', placeholder: 'TEXT', help: 'a payload' },
    qos: { kind: 'choice', short: 'q', words: ['0', '1', '2'], help: 'the QoS' },
    count: { kind: 'integer', short: 'C', placeholder: 'N', min: 1, max: 10, help: 'how many' },
    wait: {
      kind: 'duration',
      read: readDuration,
      short: 'W',
      placeholder: 'TIME',
      help: 'how long',
    },
    verbose: { kind: 'flag', short: 'v', help: 'more' },
    retainAsPublished: { kind: 'flag', help: 'the flag as it was' },
    property: {
      kind: 'parts',
      short: 'D',
      placeholder: 'PACKET NAME VALUE',
      count: 3,
      counts: { 'user-property': 4 },
      multiple: true,
      help: 'a property',
    },
  },
  positionals: { placeholder: '[FILE]', min: 0, max: 1 },
  endings: [],
  run: () => Promise.resolve('done' as const),
})

const read = (...args: string[]): ReturnType<typeof readArguments<(typeof sample)['options']>> =>
  readArguments(sample, args)

describe('readArguments', () => {
  test('reads every kind of option, short, long and joined', () => {
    const { values, positionals } = read(
      ...['-t', 'a', '--topic=b', '-q1', '-C', '3', '-W', '1.5s', '-v', 'file'],
      ...['--retain-as-published', '-m', 'hello'],
    )
    assert.deepEqual(values, {
      topic: ['a', 'b'],
      qos: '1',
      count: 3,
      wait: 1_500,
      verbose: true,
      retainAsPublished: true,
      message: 'hello',
      property: [],
    })
    assert.deepEqual(positionals, ['file'])
  })

  test('takes a value that begins with a dash', () => {
    assert.equal(read('-m', '-5').values.message, '-5')
    assert.equal(read('-m', '--').values.message, '--')
  })

  test('takes a number alone for seconds', () => {
    assert.equal(read('-W', '2').values.wait, 2_000)
  })

  test('gives an option of several arguments as many as belong to it', () => {
    const { values, positionals } = read(
      ...['-D', 'publish', 'user-property', 'name', 'value', '-D', 'publish', 'content-type', 'x'],
      'file',
    )
    assert.deepEqual(values.property, [
      ['publish', 'user-property', 'name', 'value'],
      ['publish', 'content-type', 'x'],
    ])
    assert.deepEqual(positionals, ['file'])
  })

  test('takes nothing for an option after "--"', () => {
    assert.deepEqual(read('--', '-v').positionals, ['-v'])
  })

  const REFUSED: readonly (readonly [args: readonly string[], message: string])[] = [
    [['--qoss', '1'], 'There is no option --qoss. Did you mean --qos?'],
    [['-z'], 'There is no option -z.'],
    [['-q', '3'], 'Cannot use -q "3": write 0, 1 or 2'],
    [['-C', '0'], 'Cannot use -C "0": write a whole number from 1 to 10'],
    [['-C', '1e1'], 'Cannot use -C "1e1": write a whole number from 1 to 10'],
    [
      ['-W', 'soon'],
      'Cannot use -W "soon": write seconds, or a number with ms, s, m, h or d such as 15s',
    ],
    [['-m'], '-m needs a value: write -m TEXT'],
    [['-m', 'a', '-m', 'b'], 'Cannot use -m twice: leave one'],
    [['--verbose=1'], 'Cannot give --verbose a value: it is a flag'],
    [['-D', 'publish', 'content-type'], '-D needs 3 values: PACKET NAME VALUE'],
    [['a', 'b'], 'Cannot use the argument "b": there is one too many'],
  ]
  for (const [args, message] of REFUSED) {
    test(`refuses ${args.join(' ')}`, () => {
      assert.throws(() => read(...args), { name: 'UsageError', message })
    })
  }
})

describe('readDuration', () => {
  test('has the units of the client, and seconds for a number alone', () => {
    for (const [given, ms] of [
      ['250ms', 250],
      ['1.5', 1_500],
      ['15s', 15_000],
      ['2m', 120_000],
      ['7d', 604_800_000],
    ] as const) {
      assert.equal(readDuration(given, '-W'), ms)
    }
    for (const given of ['', '0', '-1', '1w', '1e3', 'Infinity', '9'.repeat(20), '1.', ' 1s']) {
      assert.throws(
        () => readDuration(given, '-W'),
        /Cannot use -W ".*": write seconds, or a number/,
      )
    }
  })
})
