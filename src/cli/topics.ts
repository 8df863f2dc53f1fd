// Topics and filters as a person wrote them, checked before anything is opened: a mistake in them is one in the
// arguments, and ends a command with the code of those.

import { checkFilter, checkTopic } from '../codec/index.ts'
import { shown, UsageError } from './usage-error.ts'

/**
 * Gives back the topic to publish to.
 * @param name of the option
 * @throws {UsageError} it is none [MQTT-3.3.2-2]
 */
export function usableTopic(name: string, topic: string): string {
  const fault = checkTopic(topic)
  if (fault === undefined) return topic
  throw new UsageError(
    `Cannot use ${name} ${shown(topic)}: ${fault}; write levels, as in hall/door`,
  )
}

/**
 * Gives back the filter to subscribe to.
 * @param name of the option
 * @throws {UsageError} it is none. §4.7.1
 */
export function usableFilter(name: string, filter: string): string {
  const fault = checkFilter(filter)
  if (fault === undefined) return filter
  throw new UsageError(
    `Cannot use ${name} ${shown(filter)}: ${fault}; "+" stands for a level, "#" for the rest`,
  )
}
