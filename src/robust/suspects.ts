// Which message ends connections: after its second death it is under suspicion, and found guilty at the next
// one if it was alone on the wire. Rule: while anything is under suspicion, one message is sent at a time.
// It knows no connection: it is told which messages were in flight when one ended.

import { BLAMABLE, SUSPECT_AFTER_DEATHS } from './constants.ts'
import type { Entry } from './entry.ts'

export class Suspects {
  /** Messages under suspicion. */
  count = 0

  /**
   * A packet of ours may have ended the connection.
   * @param inflight what was with the engine, in the order of sending
   * @param packetId the one that was answered wrongly, if that was why
   * @returns the message that is guilty, if one is
   */
  handleDeath(inflight: readonly Entry[], packetId: number | undefined): Entry | undefined {
    const sent = inflight.filter(({ state }) => BLAMABLE.includes(state))
    const released = sent.filter(({ state }) => state === 'released')
    // With suspects, the engine sends one at a time: an exchange that PUBREC has answered, else the first.
    const alone = released.length > 0 ? released : sent.slice(0, 1)
    const under = (id: number): Entry[] => sent.filter((entry) => entry.packetId === id)
    let blamed = this.count > 0 ? alone : sent
    if (packetId !== undefined) {
      blamed = under(packetId)
      // One whose id was being cleared has it no more.
      if (blamed.length === 0) blamed = under(0)
    }
    let guilty: Entry | undefined
    for (const entry of blamed) {
      entry.deaths += 1
      if (entry.deaths === SUSPECT_AFTER_DEATHS) this.count += 1
      if (entry.deaths > SUSPECT_AFTER_DEATHS && blamed.length === 1) guilty = entry
    }
    return guilty
  }

  /** It has done no harm, or its outcome. */
  acquit(entry: Entry): void {
    if (entry.deaths >= SUSPECT_AFTER_DEATHS) this.count -= 1
    entry.deaths = 0
  }
}
