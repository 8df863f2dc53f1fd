// Ctrl-C at any moment: the exit code, and what the folder of an outbox holds afterwards. Connecting and reading
// without an outbox are with each command.

import { deepEqual, equal, match, ok } from 'node:assert/strict'
import { existsSync, mkdirSync, watch } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { PacketType } from '../../src/codec/packets.ts'
import { inspectOutbox } from '../../src/outbox/inspect.ts'
import { guaranteed, MQTTClient } from '../../src/robust.node.ts'
import { OPEN, startUmqtt, startUmqttHere } from '../support/command-line.ts'
import { ScriptedServer } from '../../src/testing/scripted-server.ts'
import { inFolder } from '../support/temporary-folder.ts'

/** Nobody listens there. */
const NOWHERE = 'mqtt://127.0.0.1:1'

/** Five pages of an outbox, and more lines than a pipe holds: no command can be done before it is interrupted. */
const MANY = 5_000

/** Settles when a file of this name has appeared in a folder. */
function appearance(folder: string, name: string): Promise<void> {
  mkdirSync(folder, { recursive: true })
  return new Promise((resolve) => {
    const watcher = watch(folder, () => {
      if (!existsSync(join(folder, name))) return
      watcher.close()
      resolve()
    })
  })
}

/** Makes an outbox with so many messages. */
async function fill(outbox: string, count: number): Promise<void> {
  const client = new MQTTClient('door-7', NOWHERE, { outbox })
  await client.open()
  const receipts = Array.from({ length: count }, (_, number) =>
    client.publish(`door/${number}`, 'x', { delivery: guaranteed({ qos: 2 }) }),
  )
  await receipts.at(-1)?.stored
  await client[Symbol.asyncDispose]()
}

/** How many messages are in it; nobody has it open, and nothing of it is damaged. */
async function countOf(outbox: string): Promise<number> {
  const inspection = await inspectOutbox(outbox)
  let count = 0
  for await (const _message of inspection.messages()) count += 1
  deepEqual(inspection.damaged, [])
  await inspection.close()
  return count
}

describe('SIGINT', { timeout: 120_000 }, () => {
  let server: ScriptedServer
  before(async () => {
    server = await ScriptedServer.start()
  })
  after(() => server.close())

  test('while a large outbox is opened, looked through and cancelled leaves it as it is said', () =>
    inFolder(async (folder) => {
      const outbox = join(folder, 'spool')
      await fill(outbox, MANY)

      const locked = appearance(outbox, 'lock')
      const opening = startUmqtt([
        ...['pub', '-L', NOWHERE, '-t', 'a', '-m', 'x', '-q', '2', '--outbox', outbox],
      ])
      await locked
      opening.signal('SIGINT')
      const opened = await opening.ended
      equal(opened.code, 130)
      ok(!existsSync(join(outbox, 'lock')))
      const isTaken = !opened.stderr.includes('interrupted before anything was published')
      equal(await countOf(outbox), MANY + Number(isTaken), opened.stderr)

      const listing = startUmqtt(['outbox', outbox, 'list'])
      await listing.until(/door\/0\n/)
      listing.signal('SIGINT')
      equal((await listing.ended).code, 130)

      const cancelling = startUmqtt(['outbox', outbox, 'cancel', '--all', '--yes'])
      await cancelling.until(/door\/0\tcancelled, never sent\n/)
      cancelling.signal('SIGINT')
      const { code, stdout } = await cancelling.ended
      equal(code, 130)
      ok(!existsSync(join(outbox, 'lock')))
      const cancelled = stdout.split('\n').length - 1
      equal(await countOf(outbox), MANY + Number(isTaken) - cancelled)
    }))

  test('while lines are awaited keeps what was read, and says which was the last', () =>
    inFolder(async (outbox) => {
      const command = startUmqttHere(
        ['pub', '-L', NOWHERE, '-t', 'a', '-l', '--outbox', outbox, '--progress', '3'],
        { input: OPEN },
      )
      await command.until(/^0$/m)
      command.stdin.write('one\ntwo\nthr')
      await command.until(/^2$/m)
      command.signal('SIGINT')
      const { code, stderr } = await command.ended
      equal(code, 130)
      match(stderr, /2 lines read: 2 wait in ".*"; the last stored is line 2\n$/)
      equal(await countOf(outbox), 2)
    }))

  test('twice ends at once, and the next run takes the outbox over with all that is in it', () =>
    inFolder(async (outbox) => {
      const args = ['pub', '-L', server.url, '-t', 'a', '-l', '--outbox', outbox, '-q', '1']
      const draining = startUmqtt([...args, '--progress', '3'], { input: 'one\ntwo\nthree\n' })
      const silent = await server.connection()
      await silent.accept()
      // It may be sent before it is stored.
      for (let n = 0; n < 3; n += 1) await silent.next(PacketType.PUBLISH)
      await draining.until(/^3$/m)
      // The server neither acknowledges nor lets go, so that there is an end that takes its time.
      draining.signal('SIGINT')
      await silent.next(PacketType.DISCONNECT)
      draining.signal('SIGINT')
      equal(await draining.exited, 130)
      ok(existsSync(join(outbox, 'lock')))

      const again = startUmqttHere(args)
      const connection = await server.connection()
      await connection.accept()
      connection.autoRespond()
      const { code, stderr } = await again.ended
      deepEqual([code, stderr], [0, 'umqtt: 0 lines read, 3 from before: 3 delivered\n'])
      equal(await countOf(outbox), 0)
    }))
})
