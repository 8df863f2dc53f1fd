// Starts other programs for the scripts beside this folder and waits for them.
// Paths are relative to the root of the repository, wherever the script was started from.

import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

/** The root of the repository, without a slash at its end. */
export const ROOT = fileURLToPath(new URL('../..', import.meta.url)).replace(/[/\\]$/, '')

/**
 * Runs a program in the root folder with this terminal's output.
 * @param {string} command
 * @param {readonly string[]} args
 * @param {{ env?: Record<string, string>, capture?: boolean, passesSignals?: boolean }} [options] `capture` gives the
 *   output back instead; with `passesSignals` whoever interrupts this interrupts the program, and waits for its end
 * @returns {Promise<{ code: number, output: string }>} code 1 when a signal ended it
 */
export function run(command, args, { env = {}, capture = false, passesSignals = false } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd: ROOT,
      env: { ...process.env, ...env },
      stdio: ['ignore', capture ? 'pipe' : 'inherit', capture ? 'pipe' : 'inherit'],
    })
    if (passesSignals) {
      process.on('SIGINT', () => child.kill('SIGINT'))
      process.on('SIGTERM', () => child.kill('SIGTERM'))
    }
    let output = ''
    child.stdout?.on('data', (chunk) => (output += chunk))
    child.stderr?.on('data', (chunk) => (output += chunk))
    child.on('error', reject)
    child.on('close', (code) => resolve({ code: code ?? 1, output }))
  })
}

/**
 * Runs a program of an installed package with this Node.
 * @param {string} path of its script under node_modules
 * @param {readonly string[]} args
 * @param {{ env?: Record<string, string>, capture?: boolean }} [options]
 */
export function runTool(path, args, options) {
  return run(process.execPath, [`${ROOT}/node_modules/${path}`, ...args], options)
}
