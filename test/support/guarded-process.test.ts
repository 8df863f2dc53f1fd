// A server of a test is gone when the process of the test is, also when that was killed.

import { equal } from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { type Socket, createServer } from 'node:net'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

const MAIN = fileURLToPath(new URL('guarded-main.js', import.meta.url))
const TIMEOUT_MS = 30_000

for (const [how, end] of [
  ['is killed', (owner: ChildProcess) => owner.kill('SIGKILL')],
  ['asks it to stop', (owner: ChildProcess) => owner.stdin?.write('stop\n')],
  ['kills it', (owner: ChildProcess) => owner.stdin?.write('kill\n')],
] as const) {
  test(`a guarded process ends when its owner ${how}`, { timeout: TIMEOUT_MS }, async () => {
    // The program holds a connection to us, which the kernel closes with it.
    const listener = createServer().listen({ host: '127.0.0.1', port: 0 })
    await once(listener, 'listening')
    const { port } = listener.address() as { port: number }
    const connected = once(listener, 'connection') as Promise<[Socket]>
    const owner = spawn(process.execPath, [MAIN, `${port}`], { stdio: ['pipe', 'pipe', 'inherit'] })
    const exited = once(owner, 'exit')
    const [socket] = await connected
    socket.resume()
    const [ready] = (await once(owner.stdout, 'data')) as [Buffer]
    equal(ready.toString(), 'ready\n')
    const closed = new Promise((resolve) => socket.on('error', resolve).on('close', resolve))
    end(owner)
    await closed
    owner.stdin.end()
    await exited
    listener.close()
  })
}
