// What a torture has to show, and what of it came out otherwise, as lines for people; none when every promise was
// kept. Rule: whatever is printed beside it that "may be" is left to the reader.

import { type ChaosSummary, strangeOutcomes } from './chaos.ts'
import { MOMENTS, type ReaderSummary, type WriterSummary } from './torture.ts'

/** The kills of a whole proof, and how many must fall in each of the six moments. */
const PROOF_ROUNDS = 300
const PROOF_LEAST = 20

/**
 * What the heap may grow in chaos: this program notes some 100 bytes for each packet id of QoS 2, of which there are
 * 65,535, and the rest was 1 to 2 MB. A client that kept each message would add more within a minute, of 30,000 to
 * 60,000 messages.
 */
const HEAP_GROWTH_BYTES_MAX = 10_000_000

/** How many kills must fall in each moment unless something else is asked for: in a shorter run, chance decides. */
export function leastFor(rounds: number): number {
  return rounds >= PROOF_ROUNDS ? PROOF_LEAST : 0
}

/** What came of a torture. */
export interface Torture {
  readonly protocol: 4 | 5
  /** How many kills must fall in each moment. */
  readonly least: number
  readonly writer: WriterSummary
  readonly reader: ReaderSummary
  readonly storm: ChaosSummary
}

/** Each thing that should not be. */
export function faultsOf({ protocol, least, writer, reader, storm }: Torture): string[] {
  const lists = {
    'lost by the writer': writer.lost,
    'doubled by the writer at QoS 2': writer.doubled,
    'out of order from the writer': writer.disordered,
    'lost by the reader': reader.lost,
    'handled again after PUBREC': reader.doubled,
    'lost in chaos': storm.lost,
    'lost in chaos by the server': storm.lostByServer,
    'doubled in chaos at QoS 0 or 2': storm.doubled,
    'out of order in chaos': storm.disordered,
  }
  // PUBCOMP of 3.1.1 does not say whether it is of the session of PUBREC: the writer's last word may be "maybe".
  const { 'maybe-delivered': unsure = 0, ...others } = writer.outcomes
  const isUnsure = unsure > (protocol === 4 ? writer.stored / 20 : 0)
  return [
    ...Object.entries(lists)
      .filter(([, found]) => found.length > 0)
      .map(([what, found]) => `${found.length} ${what}: ${found.slice(0, 5).join(', ')}`),
    ...MOMENTS.filter((moment) => writer.moments[moment] < least).map(
      (moment) => `${writer.moments[moment]} kills in "${moment}", where ${least} must be`,
    ),
    ...Object.entries(isUnsure ? writer.outcomes : others).map(
      ([status, count]) => `${count} of the writer are ${status}`,
    ),
    ...strangeOutcomes(storm, protocol).map((what) => `in chaos, ${what}`),
    ...(storm.heapGrowthBytes > HEAP_GROWTH_BYTES_MAX
      ? [`the heap grew by ${storm.heapGrowthBytes} bytes, more than ${HEAP_GROWTH_BYTES_MAX}`]
      : []),
  ]
}
