// The entry point `umqtt` in a browser, and its platform: WebSocket and the system's clock.
// Wiring alone: no module of another platform is named or loaded here.

import { type WebSocketClass, webSocket } from './transport/websocket.ts'
import { systemClock } from './driver/clock.ts'
import type { Platform } from './driver/platform.ts'
import { makeRuntime } from './engine/runtime.ts'
import { rememberingParser } from './transport/address.ts'

interface BrowserGlobals {
  readonly WebSocket: WebSocketClass
  readonly console?: { readonly warn: (text: string) => void }
}

const globals = globalThis as unknown as BrowserGlobals
const ws = webSocket(globals.WebSocket)

/** Shared by all clients that are made without a platform of their own. */
export const browserPlatform: Platform = {
  clock: systemClock,
  transports: { ws, wss: ws },
  runtime: makeRuntime(),
  parseServer: rememberingParser(),
  readBuffer: new Uint8Array(0),
  warn: (code, message) => globals.console?.warn(`${message} (${code})`),
}
