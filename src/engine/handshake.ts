// CONNECT as the settings say it: a pure function over packets. What becomes of it is in the tables of
// connection-states.ts and the errors of endings.ts. §3.1

import { type ConnectPacket, PacketType, type Properties } from '../codec/packets.ts'
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
