// Steps of a random walk, for properties of order: what is done, to which of the things that there are, and how.
// Each test says what can be done, and how often.

import fc from 'fast-check'
import type { QoS } from '../../src/codec/packets.ts'

export interface RandomStep<Name extends string> {
  readonly do: Name
  /** Which one, of what there is to choose from. */
  readonly which: number
  readonly qos: QoS
  /** Whether it is recorded first. */
  readonly kept: boolean
  /** Whether it is refused, turned away, held or lost, which is the rarer case. */
  readonly odd: boolean
}

/** @param weights how often each is done, beside the others */
export function randomSteps<Name extends string>(
  weights: Readonly<Record<Name, number>>,
): fc.Arbitrary<RandomStep<Name>> {
  const names = Object.keys(weights) as Name[]
  return fc.record({
    do: fc.oneof(...names.map((name) => ({ weight: weights[name], arbitrary: fc.constant(name) }))),
    which: fc.nat(1_000),
    qos: fc.constantFrom(0 as const, 1 as const, 2 as const, 2 as const),
    kept: fc.boolean(),
    odd: fc.integer({ min: 0, max: 3 }).map((roll) => roll === 0),
  })
}
