// A client of the public API whose scripted server has accepted it.

import type { Properties } from '../../src/codec/packets.ts'
import type { ScriptedConnection } from '../../src/testing/scripted-connection.ts'
import { testClient, type TestClient, type TestClientOptions } from '../support/scripted-memory.ts'

export interface ConnectedClient extends TestClient {
  /** CONNECT is taken, CONNACK is sent. */
  readonly connection: ScriptedConnection
}

/**
 * Connects a client.
 * @param properties of CONNACK
 */
export async function connectedClient(
  options: TestClientOptions = {},
  properties?: Properties,
): Promise<ConnectedClient> {
  const made = testClient(options)
  const connecting = made.client.connect()
  const connection = await made.server.connection()
  await connection.accept(properties)
  await connecting
  return { ...made, connection }
}
