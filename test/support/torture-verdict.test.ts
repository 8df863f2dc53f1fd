// The verdict on a torture: nothing on one that kept every promise, and a line for each that was not.

import { deepEqual, equal } from 'node:assert/strict'
import { test } from 'node:test'
import type { ChaosSummary } from './chaos.ts'
import { faultsOf, leastFor, type Torture } from './torture-verdict.ts'
import type { ReaderSummary, WriterSummary } from './torture.ts'

const WRITER: WriterSummary = {
  kills: 300,
  stored: 10_000,
  received: 10_000,
  lost: [],
  doubled: [],
  doubledAtOne: 25,
  disordered: [],
  moments: {
    queued: 300,
    'id bound': 20,
    'PUBLISH sent': 240,
    'PUBREC known': 80,
    'PUBREL sent': 220,
    compacting: 20,
  },
  outcomes: {},
  warnings: [],
}
const READER: ReaderSummary = {
  kills: 100,
  sent: 2000,
  lost: [],
  doubled: [],
  repeated: 200,
  warnings: [],
}
const STORM: ChaosSummary = {
  published: 60_000,
  received: 60_000,
  faults: 200,
  connections: 200,
  lost: [],
  hiddenByServer: [],
  idsReused: 0,
  lostByServer: [],
  sessionsLost: 0,
  doubled: [],
  doubledByServer: 0,
  doubledAtOne: 300,
  sentDisordered: [],
  disordered: [],
  disorderedByServer: 0,
  outcomes: { 'QoS 0 sent': 20_000, 'QoS 1 delivered': 20_000, 'QoS 2 delivered': 20_000 },
  heapGrowthBytes: 2_000_000,
}

interface Changes {
  readonly protocol?: 4 | 5
  readonly writer?: Partial<WriterSummary>
  readonly reader?: Partial<ReaderSummary>
  readonly storm?: Partial<ChaosSummary>
}

function verdict({ protocol = 5, writer, reader, storm }: Changes): string[] {
  const torture: Torture = {
    protocol,
    least: leastFor(300),
    writer: { ...WRITER, ...writer },
    reader: { ...READER, ...reader },
    storm: { ...STORM, ...storm },
  }
  return faultsOf(torture)
}

const outcomes = (unsure: number): Changes => ({
  writer: { outcomes: { 'maybe-delivered': unsure } },
  storm: { outcomes: { ...STORM.outcomes, 'QoS 2 maybe-delivered': unsure } },
})

test('a torture that kept every promise has no fault', () => {
  deepEqual(verdict({}), [])
})

test('a whole proof asks for 20 kills in each moment, a shorter run for none', () => {
  deepEqual([leastFor(300), leastFor(299)], [20, 0])
  deepEqual(verdict({ writer: { moments: { ...WRITER.moments, compacting: 19 } } }), [
    '19 kills in "compacting", where 20 must be',
  ])
})

test('each list of what was lost, doubled or out of order is a fault', () => {
  const faults = verdict({
    writer: { lost: ['a'], doubled: ['b'], disordered: ['c'] },
    reader: { lost: ['d'], doubled: ['e'] },
    storm: { lost: [1], lostByServer: [2], doubled: [3], disordered: [4, 5] },
  })
  equal(faults.length, 9)
  equal(faults.at(-1), '2 out of order in chaos: 4, 5')
})

test('an outcome that nobody was promised is a fault, of the writer and in chaos', () => {
  deepEqual(
    verdict({
      writer: { outcomes: { refused: 1 } },
      storm: { outcomes: { ...STORM.outcomes, 'QoS 1 dropped': 2 } },
    }),
    ['1 of the writer are refused', 'in chaos, 2 are QoS 1 dropped'],
  )
  deepEqual(verdict({ storm: { outcomes: { 'QoS 0 sent': 1, 'QoS 1 delivered': 1 } } }), [
    'in chaos, none is QoS 2 delivered',
  ])
})

test('what cannot be known in MQTT 3.1.1 is no fault while it is rare, and one in MQTT 5', () => {
  deepEqual(verdict({ protocol: 4, ...outcomes(100) }), [])
  equal(verdict({ protocol: 4, ...outcomes(5_000) }).length, 2)
  equal(verdict(outcomes(1)).length, 2)
})

test('a heap that has grown by more than notes is a fault', () => {
  deepEqual(verdict({ storm: { heapGrowthBytes: 10_000_001 } }), [
    'the heap grew by 10000001 bytes, more than 10000000',
  ])
})
