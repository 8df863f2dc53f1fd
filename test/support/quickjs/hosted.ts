// A program on QuickJS with real sockets and timers: what engine-host.ts has, handed into the engine, which has nothing
// else beside ECMAScript. Rule: after each call into it, the jobs that wait are run, as docs/engines.md asks for.

import { newQuickJSWASMModule, type QuickJSHandle } from 'quickjs-emscripten'
import { dial, type HostSocket, monotonicMs } from '../engine-host.ts'
import { describeError } from './run.ts'

/**
 * Runs a module to its end.
 * @param code the whole program, which imports nothing
 * @returns what it printed
 * @throws {Error} what it throws
 */
export async function runHosted(code: string): Promise<readonly string[]> {
  // Dropped as a whole: freeing a runtime with unfinished promises aborts.
  const runtime = (await newQuickJSWASMModule()).newRuntime()
  const context = runtime.newContext()
  const printed: string[] = []
  const sockets: HostSocket[] = []
  const timers = new Map<number, NodeJS.Timeout>()
  let timersStarted = 0
  let ended: (error?: Error) => void = () => undefined
  const end = new Promise<void>((resolve, reject) => {
    ended = (error) => (error === undefined ? resolve() : reject(error))
  })

  const look = (): void => {
    const ran = runtime.executePendingJobs()
    if (ran.error !== undefined) return ended(new Error(describeError(context.dump(ran.error))))
    const state = context.getPromiseState(main)
    if (state.type === 'fulfilled') ended()
    if (state.type === 'rejected') ended(new Error(describeError(context.dump(state.error))))
  }
  const call = (callback: QuickJSHandle, ...args: QuickJSHandle[]): void => {
    const result = context.callFunction(callback, context.undefined, ...args)
    if (result.error !== undefined)
      return ended(new Error(describeError(context.dump(result.error))))
    look()
  }
  const give = (name: string, action: (...args: QuickJSHandle[]) => QuickJSHandle | void): void =>
    context.setProp(context.global, name, context.newFunction(name, action))

  give('hostDial', (host, port, callback) => {
    const tell = callback!.dup()
    const say = (event: string, detail: QuickJSHandle = context.undefined): void =>
      call(tell, context.newString(event), detail)
    const socket = dial(context.getString(host!), context.getNumber(port!), {
      opened: () => say('opened'),
      received: (bytes) => say('received', context.newArrayBuffer(bytes.slice().buffer)),
      sent: () => say('sent'),
      closed: (reason) =>
        say('closed', reason === undefined ? context.undefined : context.newString(reason)),
    })
    return context.newNumber(sockets.push(socket) - 1)
  })
  give('hostSend', (socket, bytes) => {
    const { value } = context.getArrayBuffer(bytes!)
    sockets[context.getNumber(socket!)]?.send([value.slice()])
  })
  give('hostDo', (socket, action) => {
    sockets[context.getNumber(socket!)]?.[context.getString(action!) as 'pause']()
  })
  give('hostNow', () => context.newNumber(monotonicMs()))
  give('hostStartTimer', (callback, delayMs) => {
    const fire = callback!.dup()
    const timer = ++timersStarted
    timers.set(
      timer,
      setTimeout(() => call(fire), context.getNumber(delayMs!)),
    )
    return context.newNumber(timer)
  })
  give('hostStopTimer', (timer) => clearTimeout(timers.get(context.getNumber(timer!))))
  give('hostPrint', (text) => void printed.push(context.getString(text!)))

  const result = context.evalCode(code, 'program.js', { type: 'module' })
  if (result.error !== undefined) throw new Error(describeError(context.dump(result.error)))
  const main = result.value
  look()
  try {
    await end
  } finally {
    for (const timer of timers.values()) clearTimeout(timer)
    for (const socket of sockets) socket.destroy()
  }
  return printed
}
