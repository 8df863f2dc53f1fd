// What a fuzzer finds: a rule that was broken, by the name of the oracle that saw it.

/** What is watched; each name is an oracle. */
export type Oracle =
  | 'coded errors'
  | 'settles in time'
  | 'valid packets'
  | 'packet ids'
  | 'receive maximum'
  | 'packet size'
  | 'topic aliases'
  | 'content'
  | 'order'
  | 'acknowledgements in order'
  | 'exactly once'
  | 'nothing lost'
  | 'honest about sending'
  | 'nothing left over'
  | 'bounded memory'

/** A broken rule. */
export class Violation extends Error {
  override readonly name = 'Violation'
  readonly oracle: Oracle

  constructor(oracle: Oracle, message: string, cause?: unknown) {
    super(`${oracle}: ${message}`, { cause })
    this.oracle = oracle
  }
}
