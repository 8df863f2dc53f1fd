// Runs a command line of the user's, as a shell would. What it says goes to standard error, where everything
// goes that is not the result; it is ended when the check is.

import { spawn } from 'node:child_process'
import { shown } from '../usage-error.ts'

/** The descriptor of standard error: a server that the command starts may keep it, and keeps nothing of ours. */
const STDERR = 2

/** Settles when it has ended well. @throws {Error} it ended otherwise, or could not be started */
export function runShell(line: string, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(line, { shell: true, stdio: ['ignore', STDERR, STDERR] })
    const stop = (): void => {
      child.kill()
      reject(signal.reason as Error)
    }
    if (signal.aborted) stop()
    else signal.addEventListener('abort', stop, { once: true })
    child.once('error', reject)
    // Not "close": a server that it has left running may hold its descriptors.
    child.once('exit', (code, by) => {
      signal.removeEventListener('abort', stop)
      if (code === 0) resolve()
      else reject(new Error(`${shown(line)} ended with ${by ?? code}`))
    })
  })
}
