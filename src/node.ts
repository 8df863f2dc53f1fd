// The platform of Node (and of Bun and Deno, which have its modules): every transport, the system's
// clock, and the buffers that all clients of the process share.

import { systemClock } from './driver/clock.ts'
import type { Platform } from './driver/platform.ts'
import { makeRuntime } from './engine/runtime.ts'
import { rememberingParser } from './transport/address.ts'
import { tcp } from './transport/tcp.ts'
import { tls } from './transport/tls.ts'
import { checkTlsSettings } from './transport/tls-settings.ts'
import { unix } from './transport/unix.ts'
import { nodeWebSocket } from './transport/ws-node.ts'

/** What one read of a socket brings at the most, and libuv's own measure. */
const READ_BYTES = 65_536

const ws = nodeWebSocket()

/** Shared by all clients that are made without a platform of their own. */
export const nodePlatform: Platform = {
  clock: systemClock,
  transports: { mqtt: tcp, mqtts: tls, unix, ws, wss: ws },
  runtime: makeRuntime(),
  parseServer: rememberingParser(),
  checkTls: checkTlsSettings,
  readBuffer: new Uint8Array(READ_BYTES),
  warn: (code, message) => process.emitWarning(message, { code, type: 'UmqttWarning' }),
}
