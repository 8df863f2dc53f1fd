// CONNECT as the settings say it, and AUTH. What becomes of them is in the tables of connection-states.ts and
// the errors of endings.ts. §3.1, §3.15

import { writeAuth } from '../codec/encode.ts'
import * as PacketType from '../codec/packet-type.ts'
import type { ConnectPacket, Properties } from '../codec/packets.ts'
import type { MqttError } from '../errors.ts'
import { type Link, sendSized } from './link.ts'
import type { ConnectSettings, EngineOptions } from './types.ts'

/** The packet that asks for the connection; 3.1.1 has no properties. */
export function connectPacket(
  settings: ConnectSettings,
  clientId: string,
  options: EngineOptions,
): ConnectPacket {
  const { version, will, userName, password } = settings
  return {
    type: PacketType.CONNECT,
    version,
    clientId,
    cleanStart: settings.cleanStart,
    keepAlive: settings.keepAliveSeconds,
    ...(will && { will }),
    ...(userName !== undefined && { userName }),
    ...(password && { password }),
    ...(version === 5 && { properties: connectProperties(settings, options) }),
  }
}

/** Only what differs from the specification's default is said. §3.1.2.11 */
function connectProperties(settings: ConnectSettings, options: EngineOptions): Properties {
  const {
    sessionExpirySeconds,
    userProperties,
    requestResponseInformation,
    requestProblemInformation,
    authenticationMethod,
    authenticationData,
  } = settings
  const { receiveMaximum, topicAliasMaximum, maximumPacketSizeBytes } = options
  return {
    ...(sessionExpirySeconds > 0 && { sessionExpiryInterval: sessionExpirySeconds }),
    ...(receiveMaximum < 65_535 && { receiveMaximum }),
    maximumPacketSize: maximumPacketSizeBytes,
    ...(topicAliasMaximum > 0 && { topicAliasMaximum }),
    ...(requestResponseInformation && { requestResponseInformation }),
    ...(requestProblemInformation === false && { requestProblemInformation }),
    ...(userProperties && { userProperties }),
    ...(authenticationMethod !== undefined && { authenticationMethod }),
    ...(authenticationData && { authenticationData }),
  }
}

/** Goes on with an authentication, or begins one again. [MQTT-4.12.0-3] [MQTT-4.12.1-1] */
export function sendAuth(
  link: Link,
  authenticationMethod: string,
  data: Uint8Array | undefined,
  again: boolean,
): MqttError | undefined {
  const properties = { authenticationMethod, ...(data && { authenticationData: data }) }
  const packet = { type: PacketType.AUTH, reasonCode: again ? 0x19 : 0x18, properties }
  return sendSized(link, 'authenticate', (sink) => writeAuth(sink, packet))
}
