// The owner of a guarded process, for the test that kills it: the program connects to the port of the
// argument and stays. Ends the program by "stop" or "kill" on its standard input.

import { createInterface } from 'node:readline'
import { GuardedProcess } from './servers/guarded-process.ts'

const [port = ''] = process.argv.slice(2)
const code = `require('node:net').connect(${Number(port)}, '127.0.0.1', () => console.log('ready'))`
const [guarded, isReady] = await GuardedProcess.start({
  program: process.execPath,
  args: ['-e', code],
  ready: /^ready$/,
})
if (!isReady) throw new Error(`The program does not start:\n${guarded.log.join('\n')}`)
process.stdout.write('ready\n')
createInterface(process.stdin).on('line', (line) => {
  void (line === 'stop' ? guarded.stop() : guarded.kill())
})
