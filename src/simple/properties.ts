// Between the properties of the public API and those of packets. §3.3.2.3
// What comes from the application is checked and copied; what comes from the server is only renamed.

import { NO_PROPERTIES, type Properties } from '../codec/packets.ts'
import {
  checkPublishTopic,
  checkText,
  type Check,
  copyBytes,
  copyUserProperties,
  fields,
  integer,
  oneOf,
  refuse,
} from './checks.ts'
import { NEVER_EXPIRES_SECONDS } from './defaults.ts'
import type {
  DisconnectProperties,
  PublishProperties,
  SubscribeProperties,
  UnsubscribeProperties,
} from './types.ts'

/** The largest variable byte integer. §1.5.5, §3.8.2.1.2 */
const SUBSCRIPTION_ID_MAX = 268_435_455

/** [MQTT-3.3.4-6] forbids subscription identifiers, so they are no key. */
const checkProperties = fields<Omit<PublishProperties, 'subscriptionIds'>>({
  payloadFormatIndicator: oneOf(0, 1),
  messageExpirySeconds: integer(0, NEVER_EXPIRES_SECONDS),
  contentType: checkText,
  responseTopic: checkPublishTopic,
  correlationData: copyBytes,
  userProperties: copyUserProperties,
})

/** The packet's properties. */
export const packetProperties: Check<PublishProperties, Properties> = (name, properties) => {
  const { messageExpirySeconds, ...same } = checkProperties(name, properties)
  return {
    ...same,
    ...(messageExpirySeconds !== undefined && { messageExpiryInterval: messageExpirySeconds }),
  }
}

const checkSubscribeProperties = fields<SubscribeProperties>({
  subscriptionId: integer(1, SUBSCRIPTION_ID_MAX),
  userProperties: copyUserProperties,
})

/** The properties of a SUBSCRIBE. §3.8.2.1 */
export const subscribeProperties: Check<SubscribeProperties, Properties> = (name, properties) => {
  const { subscriptionId, ...same } = checkSubscribeProperties(name, properties)
  return { ...same, ...(subscriptionId && { subscriptionIdentifiers: [subscriptionId] }) }
}

/** The properties of an UNSUBSCRIBE. §3.10.2.1 */
export const unsubscribeProperties: Check<UnsubscribeProperties> = /* @__PURE__ */ fields({
  userProperties: copyUserProperties,
})

const checkDisconnectProperties = /* @__PURE__ */ fields<DisconnectProperties>({
  sessionExpirySeconds: /* @__PURE__ */ integer(0, NEVER_EXPIRES_SECONDS),
  reasonString: checkText,
  userProperties: copyUserProperties,
})

/** The properties of a DISCONNECT. §3.14.2.2 */
export const disconnectProperties: Check<DisconnectProperties, Properties> = (name, properties) => {
  const { sessionExpirySeconds, ...same } = checkDisconnectProperties(name, properties)
  return {
    ...same,
    ...(sessionExpirySeconds !== undefined && { sessionExpiryInterval: sessionExpirySeconds }),
  }
}

/** Throws where a session would be prolonged that CONNECT did not ask for. §3.14.2.2.2 */
export function requireSession(properties: Properties | undefined, asksForSession: boolean): void {
  const seconds = properties?.sessionExpiryInterval
  if (asksForSession || !seconds) return
  refuse(
    'sessionExpirySeconds',
    seconds,
    'connect asked for no session, let it ask for one',
    RangeError,
  )
}

const NONE: PublishProperties = Object.freeze({})

/** What the application sees of a received packet's properties. */
export function publicProperties(properties: Properties): PublishProperties {
  if (properties === NO_PROPERTIES) return NONE
  const { messageExpiryInterval, subscriptionIdentifiers, topicAlias: _alias, ...same } = properties
  return {
    ...(same as PublishProperties),
    ...(messageExpiryInterval !== undefined && { messageExpirySeconds: messageExpiryInterval }),
    ...(subscriptionIdentifiers && { subscriptionIds: subscriptionIdentifiers }),
  }
}
