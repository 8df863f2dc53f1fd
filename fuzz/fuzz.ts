// The two fuzzers as seeds: what a seed runs, and what is kept of a failure.

import { encode } from '../src/codec/encode.ts'
import { damage, decoderStreams, fuzzDecoder } from './decoder.ts'
import type { PlantedBug } from './plants.ts'
import { Random } from './random.ts'
import { fuzzOperations } from './run.ts'
import { Violation } from './violation.ts'

const STREAMS_PER_SEED = 10
const COPIES_PER_STREAM = 20
/** What a hostile server sends is damaged from these, the same for all seeds. */
const ATTACK_SEED = 1
const ATTACK_STREAMS = 200

/** A fuzzer by its name. */
export type FuzzerName = 'decoder' | 'operations' | 'hostile'
export const FUZZERS: readonly FuzzerName[] = ['operations', 'hostile', 'decoder']

/** A seed that broke a rule. */
export interface Failure {
  readonly fuzzer: FuzzerName
  readonly seed: number
  readonly violation: Violation
}

/** Runs seeds. */
export class Fuzzers {
  /** What happened how often, to see what was reached. */
  readonly marks: Map<string, number> = new Map<string, number>()
  #attacks: readonly Uint8Array[] | undefined

  /** Runs one seed. @returns what it found, if anything */
  async run(
    fuzzer: FuzzerName,
    seed: number,
    { plant, trace }: { plant?: PlantedBug; trace?: (line: string) => void } = {},
  ): Promise<Failure | undefined> {
    try {
      const random = new Random(seed)
      if (fuzzer === 'decoder') {
        for (const stream of decoderStreams(random.seed(), STREAMS_PER_SEED)) {
          fuzzDecoder(random, stream, COPIES_PER_STREAM)
        }
      } else {
        await fuzzOperations({
          random,
          marks: this.marks,
          plant,
          ...(trace && { trace }),
          ...(fuzzer === 'hostile' && { hostile: (chance: Random) => this.#attack(chance) }),
        })
      }
      return undefined
    } catch (error) {
      const violation =
        error instanceof Violation ? error : new Violation('coded errors', String(error), error)
      return { fuzzer, seed, violation }
    }
  }

  /** Bytes of a server packet, mostly damaged. */
  #attack(random: Random): Uint8Array {
    this.#attacks ??= decoderStreams(ATTACK_SEED, ATTACK_STREAMS)
      .filter(({ side }) => side === 'server')
      .flatMap(({ packets, version }) => packets.map((packet) => encode(packet, version)))
    const bytes = random.pick(this.#attacks)
    return random.chance(0.5) ? damage(random, bytes) : bytes
  }
}
