// Between the properties of the public API and those of packets. §3.3.2.3
// What comes from the application is checked and copied; what comes from the server is only renamed.

import { NO_PROPERTIES, type Properties, type UserProperty } from '../codec/packets.ts'
import {
  checkBytes,
  checkChoice,
  checkInteger,
  checkKeys,
  checkPublishTopic,
  checkText,
  quote,
} from './checks.ts'
import { NEVER_EXPIRES_SECONDS } from './defaults.ts'
import type { PublishProperties } from './types.ts'

const KEYS: readonly (keyof PublishProperties)[] = [
  'payloadFormatIndicator',
  'messageExpirySeconds',
  'contentType',
  'responseTopic',
  'correlationData',
  'userProperties',
]

export function checkUserProperties(
  name: string,
  pairs: readonly UserProperty[],
): readonly UserProperty[] {
  if (!Array.isArray(pairs))
    throw new TypeError(`Cannot use ${name} ${quote(pairs)}: give pairs of strings`)
  return pairs.map((pair: UserProperty): UserProperty => {
    if (!Array.isArray(pair) || pair.length !== 2) {
      throw new TypeError(`Cannot use ${quote(pair)} in ${name}: give [name, value]`)
    }
    return [checkText(name, pair[0]), checkText(name, pair[1])]
  })
}

/** The packet's properties; [MQTT-3.3.4-6] forbids subscription identifiers, so they are no key. */
export function packetProperties(properties: PublishProperties): Properties {
  checkKeys('properties', properties, KEYS)
  const {
    payloadFormatIndicator,
    messageExpirySeconds,
    contentType,
    responseTopic,
    correlationData,
    userProperties,
  } = properties
  return {
    ...(payloadFormatIndicator !== undefined && {
      payloadFormatIndicator: checkChoice(
        'properties.payloadFormatIndicator',
        payloadFormatIndicator,
        [0, 1],
      ),
    }),
    ...(messageExpirySeconds !== undefined && {
      messageExpiryInterval: checkInteger(
        'properties.messageExpirySeconds',
        messageExpirySeconds,
        0,
        NEVER_EXPIRES_SECONDS,
      ),
    }),
    ...(contentType !== undefined && {
      contentType: checkText('properties.contentType', contentType),
    }),
    ...(responseTopic !== undefined && {
      responseTopic: checkPublishTopic(responseTopic, 'properties.responseTopic'),
    }),
    ...(correlationData !== undefined && {
      correlationData: checkBytes('properties.correlationData', correlationData).slice(),
    }),
    ...(userProperties !== undefined && {
      userProperties: checkUserProperties('properties.userProperties', userProperties),
    }),
  }
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
