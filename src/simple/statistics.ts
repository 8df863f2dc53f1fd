// Counters and gauges, gathered from where they are kept.
// Reading them changes nothing and costs nothing while nobody asks.

import type { Driver } from '../driver/driver.ts'
import type { Statistics } from './types.ts'

/** What the client itself counts. */
export type OwnCounters = Pick<Statistics, 'inboxBytes' | 'unclaimedMessages' | 'handlerErrors'>

export function statisticsOf(driver: Driver, own: OwnCounters): Statistics {
  const { receivedAt, ...counters } = driver.engine.counters
  return {
    bytesSent: driver.bytesSent,
    bytesReceived: driver.bytesReceived,
    lastReceivedAgeMs: receivedAt < 0 ? -1 : driver.now - receivedAt,
    ...counters,
    ...own,
  }
}
