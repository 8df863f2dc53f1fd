// What the program around an engine of JavaScript gives to its scripts in docs/engines.md: sockets, timers and a
// voice. Rule: it knows nothing of MQTT. A module of that name is looked up by the examples there.

import { connect } from 'node:net'

/** What becomes of a socket; nothing is told before `dial` has returned. */
export interface SocketEvents {
  opened(): void
  received(bytes: Uint8Array): void
  /** All of the last `send` is with the system. */
  sent(): void
  /** Once, at the end. @param reason absent when it ended in good order */
  closed(reason: string | undefined): void
}

/** One connection. */
export interface HostSocket {
  send(chunks: readonly Uint8Array[]): void
  pause(): void
  resume(): void
  /** Ends in good order. */
  end(): void
  /** Ends at once. */
  destroy(): void
}

export function dial(host: string, port: number, events: SocketEvents): HostSocket {
  const socket = connect({ host, port, noDelay: true })
  let reason: string | undefined
  socket.on('connect', () => events.opened())
  socket.on('data', (bytes) => events.received(bytes))
  socket.on('error', (error) => (reason = error.message))
  socket.on('close', () => events.closed(reason))
  return {
    send: (chunks) => {
      if (!socket.writable) return
      socket.write(Buffer.concat(chunks), (error) => {
        // Node tells a write that a broken connection has lost as it tells a good one, but for this.
        if (!error && !socket.destroyed) events.sent()
      })
    },
    pause: () => void socket.pause(),
    resume: () => void socket.resume(),
    end: () => void socket.end(),
    destroy: () => void socket.destroy(),
  }
}

export function monotonicMs(): number {
  return performance.now()
}

export function startTimer(fire: () => void, delayMs: number): object {
  return setTimeout(fire, delayMs)
}

export function stopTimer(timer: object | number): void {
  clearTimeout(timer as number)
}

export function print(text: string): void {
  console.log(text)
}
