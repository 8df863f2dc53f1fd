// The `umqtt` command on a terminal: `script` of util-linux makes one, `stty` says how wide it is, and what is
// typed goes through its line discipline, so that Ctrl-C is a key.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { resolve } from 'node:path'
import { programPath } from './skip.ts'

/** The longest that a command takes here; then it is killed with its terminal. */
const COMMAND_MS = 60_000

/** Keys that a terminal does something for. */
export const CTRL_C = '\u0003'
export const CTRL_D = '\u0004'

/** How it is started. */
export interface TerminalOptions {
  readonly columns?: number
  readonly env?: Readonly<Record<string, string>>
  /** A redirection of the shell, such as `< lines`. */
  readonly redirection?: string
}

/** A command that runs on a terminal. */
export interface OnTerminal {
  type(keys: string): void
  /** Settles when something that the terminal was sent matches; rejects when the command ends before that. */
  until(pattern: RegExp): Promise<void>
  readonly ended: Promise<{ readonly code: number | null; readonly text: string }>
}

const quoted = (text: string): string => `'${text.replaceAll("'", String.raw`'\''`)}'`

/** Starts it; needs `script`. */
export function startOnTerminal(
  args: readonly string[],
  { columns = 80, env = {}, redirection = '' }: TerminalOptions = {},
): OnTerminal {
  const command = [process.execPath, resolve('dist/cli/main.js'), ...args].map(quoted).join(' ')
  const line = `stty cols ${columns} rows 24; exec ${command} ${redirection}`
  const {
    NO_COLOR: _no,
    FORCE_COLOR: _force,
    NODE_OPTIONS: _options,
    UMQTT_SERVER: _server,
    ...inherited
  } = process.env
  const child = spawn(programPath('script'), ['-qfec', line, '/dev/null'], {
    env: { ...inherited, SHELL: '/bin/sh', TERM: 'xterm', ...env },
    stdio: 'pipe',
    timeout: COMMAND_MS,
    killSignal: 'SIGKILL',
  })
  let text = ''
  let look: () => void = () => undefined
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (part: string) => {
      text += part
      look()
    })
  }
  // It may end before it has read everything.
  child.stdin.on('error', () => undefined)
  const ended = once(child, 'close').then(([code]) => ({ code: code as number | null, text }))
  return {
    ended,
    type: (keys) => void child.stdin.write(keys),
    until: (pattern) =>
      new Promise((resolve_, reject) => {
        look = (): void => {
          if (pattern.test(text)) resolve_()
        }
        look()
        void ended.then(() => reject(new Error(`It ended first: ${JSON.stringify(text)}`)))
      }),
  }
}

/** The lines that a person sees at the end: what was written over is gone, and so are the colours. */
export function screenOf(text: string): readonly string[] {
  return text.split('\r\n').map((line) =>
    line
      .split('\r\u001b[K')
      .slice(-1)
      .join('')
      .replaceAll(/\p{Cc}\[\d+m/gu, ''),
  )
}
