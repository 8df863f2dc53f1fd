// The module `host` of docs/engines.md within QuickJS: hands everything to the functions that the program around it
// has put into the engine. They take and give numbers, texts and buffers alone.

import { join } from '../../../src/testing/transport-recorder.ts'
import type { HostSocket, SocketEvents } from '../engine-host.ts'

interface Bridge {
  hostDial(
    host: string,
    port: number,
    tell: (event: keyof SocketEvents, detail: ArrayBuffer | string | undefined) => void,
  ): number
  hostSend(socket: number, bytes: ArrayBuffer): void
  hostDo(socket: number, action: Exclude<keyof HostSocket, 'send'>): void
  hostNow(): number
  hostStartTimer(fire: () => void, delayMs: number): number
  hostStopTimer(timer: number): void
  hostPrint(text: string): void
}

const bridge = globalThis as unknown as Bridge

export function dial(host: string, port: number, events: SocketEvents): HostSocket {
  const socket = bridge.hostDial(host, port, (event, detail) => {
    if (event === 'received') events.received(new Uint8Array(detail as ArrayBuffer))
    else if (event === 'closed') events.closed(detail as string | undefined)
    else events[event]()
  })
  return {
    send: (chunks) => {
      bridge.hostSend(socket, join(...chunks).buffer as ArrayBuffer)
    },
    pause: () => bridge.hostDo(socket, 'pause'),
    resume: () => bridge.hostDo(socket, 'resume'),
    end: () => bridge.hostDo(socket, 'end'),
    destroy: () => bridge.hostDo(socket, 'destroy'),
  }
}

export const monotonicMs = (): number => bridge.hostNow()
export const startTimer = (fire: () => void, delayMs: number): number =>
  bridge.hostStartTimer(fire, delayMs)
export const stopTimer = (timer: number): void => bridge.hostStopTimer(timer)
export const print = (text: string): void => bridge.hostPrint(text)
