// Topic Names and Topic Filters: what is valid, and which filter matches which name. §4.7, §4.8.2
// Rule: levels are compared character by character; nothing is normalised or trimmed.

import { stringFault } from './utf8.ts'
import type { TextFault } from './utf8.ts'

/** What {@link checkTopic} finds, with its clause; undefined stands for a text that is ill-formed. */
export function topicFault(topic: string | undefined): TextFault | undefined {
  return topic === ''
    ? ['empty', '4.7.3-1', 0x90]
    : /[#+]/.test(topic!)
      ? ['using a wildcard', '3.3.2-2', 0x90]
      : stringFault(topic)
}

/** The same of the topic in a PUBLISH, which may be empty: an alias can stand for it. §3.3.2.3.4 */
export function publishTopicFault(topic: string | undefined): TextFault | undefined {
  return topic === '' ? undefined : topicFault(topic)
}

/** What a filter may not look like. */
const FILTER_FAULTS: readonly (readonly [looks: RegExp, fault: TextFault])[] = [
  [/^$/, ['empty', '4.7.3-1', 0x8f]],
  [/#.|[^/]#/s, ['misusing "#"', '4.7.1-1', 0x8f]],
  [/[^/]\+|\+[^/]/, ['misusing "+"', '4.7.1-2', 0x8f]],
  [/^\$share\/(?![^/+#]+\/.)/s, ['misusing "$share"', '4.8.2-2', 0x8f]],
]

/** What {@link checkFilter} finds, with its clause; undefined stands for a text that is ill-formed. */
export function filterFault(filter: string | undefined): TextFault | undefined {
  return FILTER_FAULTS.find(([looks]) => looks.test(filter!))?.[1] ?? stringFault(filter)
}

/**
 * Checks a Topic Name to publish to.
 *
 * @param topic what is checked
 * @returns undefined when it is valid, else what is wrong, such as `using a wildcard`
 * @see §4.7.3
 * @example
 * ```js
 * import { checkTopic } from 'umqtt/codec'
 *
 * console.log(checkTopic('hall/temperature')) // undefined
 * console.log(checkTopic('hall/#')) // using a wildcard
 * ```
 */
export function checkTopic(topic: string): string | undefined {
  return topicFault(topic)?.[0]
}

/**
 * Checks a Topic Filter, also of a shared subscription.
 *
 * @param filter what is checked
 * @returns undefined when it is valid, else what is wrong, such as `empty`
 * @see §4.7.1, §4.8.2
 * @example
 * ```js
 * import { checkFilter } from 'umqtt/codec'
 *
 * console.log(checkFilter('$share/workers/jobs/#')) // undefined
 * console.log(checkFilter('hall/#/light')) // misusing "#"
 * ```
 */
export function checkFilter(filter: string): string | undefined {
  return filterFault(filter)?.[0]
}

/** Takes `$share/name/filter` apart; undefined for any other filter. §4.8.2 */
export function parseSharedFilter(
  filter: string,
): { shareName: string; filter: string } | undefined {
  const [, shareName, rest] = /^\$share\/(.*?)\/(.*)/s.exec(filter) ?? []
  return rest === undefined ? undefined : { shareName: shareName!, filter: rest }
}

/**
 * Tells whether a valid filter matches a valid Topic Name. A filter that begins with a wildcard does
 * not match a topic that begins with "$" [MQTT-4.7.2-1]; of a shared subscription its filter counts.
 *
 * @param filter a Topic Filter, which is not checked
 * @param topic a Topic Name, which is not checked
 * @returns whether a subscription to the one gets messages of the other
 * @see §4.7
 * @example
 * ```js
 * import { topicMatches } from 'umqtt/codec'
 *
 * console.log(topicMatches('hall/+/set', 'hall/light/set')) // true
 * console.log(topicMatches('#', '$SYS/uptime')) // false
 * ```
 */
export function topicMatches(filter: string, topic: string): boolean {
  filter = filter.replace(/^\$share\/[^/]*\//, '')
  if (topic[0] === '$' && /^[#+]/.test(filter)) return false
  let t = 0
  for (let f = 0; f < filter.length; f++) {
    const c = filter[f]
    if (c === '#') return true
    if (c === '+') {
      while (t < topic.length && topic[t] !== '/') t++
    } else if (c === topic[t]) {
      t++
    } else {
      // "a/#" also matches its parent level "a".
      return t === topic.length && filter.slice(f) === '/#'
    }
  }
  return t === topic.length
}
