// `umqtt check`: does this server keep what a robust client needs? The work is that of `umqtt/check`; here are
// its options, the people and programs that restart the server, and how it ends.

import { readDuration } from '../duration.ts'
import {
  type CheckId,
  CHECK_IDS,
  type CheckOptions,
  type Conclusion,
  check,
} from '../../check.node.ts'
import { type Command, command, type Context } from '../command.ts'
import { CONNECTION_OPTIONS, readConnection } from '../connection-options.ts'
import type { EndingName } from '../exit-codes.ts'
import { listed, type Values } from '../options.ts'
import { shown, UsageError } from '../usage-error.ts'
import { lineOf, summaryOf } from './report.ts'
import { runShell } from './shell.ts'

// The check has client ids of its own, and is silent on purpose.
const { id: _id, keepalive: _keepalive, ...CONNECTION } = CONNECTION_OPTIONS

const OPTIONS = {
  restart: {
    kind: 'text',
    placeholder: 'COMMAND',
    essential: true,
    help: 'restart the server with this, and see what it has kept',
  },
  restartKill: {
    kind: 'text',
    placeholder: 'COMMAND',
    essential: true,
    help: 'the same with a command that kills it (-9) and starts it again',
  },
  waitForRestart: {
    kind: 'flag',
    essential: true,
    help: 'wait while you restart the server by hand',
  },
  waitForKill: { kind: 'flag', help: 'wait while you kill and start it by hand' },
  only: {
    kind: 'text',
    placeholder: 'CHECKS',
    multiple: true,
    offers: CHECK_IDS,
    help: 'only these, with commas [all]',
  },
  except: {
    kind: 'text',
    placeholder: 'CHECKS',
    multiple: true,
    offers: CHECK_IDS,
    help: 'not these, with commas',
  },
  messages: {
    kind: 'integer',
    placeholder: 'N',
    min: 1,
    max: 100_000,
    help: 'messages that shall wait for a client that is away [1500]',
  },
  payload: {
    kind: 'integer',
    placeholder: 'BYTES',
    min: 1_024,
    max: 16_777_216,
    help: 'the largest payload that is tried [1048576]',
  },
  topicPrefix: {
    kind: 'text',
    placeholder: 'TEXT',
    help: 'what our topics begin with, for a server that allows only some',
  },
  timeout: {
    kind: 'duration',
    read: readDuration,
    placeholder: 'TIME',
    help: 'for everything but restarts; what is not done by then is unknown [30s]',
  },
  restartTimeout: {
    kind: 'duration',
    read: readDuration,
    placeholder: 'TIME',
    help: 'for a restart to begin, and again to be over [60s]',
  },
  json: { kind: 'flag', essential: true, help: 'the whole report as JSON' },
  ...CONNECTION,
} as const

type Given = Values<typeof OPTIONS>

export const checkCommand: Command = command({
  name: 'check',
  summary:
    'Finds out whether a server keeps what a robust client needs: sessions, messages for who is away, QoS 1 and 2. It leaves nothing behind on the server.',
  examples: [
    'umqtt check mqtt://localhost',
    "umqtt check mqtts://server.example --restart 'ssh server.example systemctl restart mosquitto'",
    'umqtt check mqtt://localhost --wait-for-restart --json > report.json',
    'umqtt check mqtt://localhost --only session,queue-qos1,queue-qos2',
  ],
  options: OPTIONS,
  positionals: { placeholder: '[URL]', min: 0, max: 1 },
  endings: ['unfit'],
  run: async (context, { values, positionals }) => {
    const [url] = positionals
    if (url !== undefined && values.url !== undefined) {
      throw new UsageError('Cannot use --url with the argument URL: leave one')
    }
    return runCheckCommand(context, { ...values, ...(url !== undefined && { url }) })
  },
})

async function runCheckCommand(context: Context, values: Given): Promise<EndingName> {
  const { out, err, stopped, env } = context
  const where = { ...values, id: undefined, keepalive: undefined }
  const { server, options } = readConnection(where, env)
  const { keepAliveSeconds: _none, ...who } = options
  let done = 0
  const asked: CheckOptions = {
    ...who,
    ...optionsOf(values),
    restart: restartsOf(context, values),
    signal: stopped,
    onResult: (result) => {
      done += 1
      if (values.json !== true && result.seen !== NOT_ASKED) void out.line(lineOf(result, out))
      err.status(`${done} of ${CHECK_IDS.length} checks`)
    },
    onLeftover: (what) => {
      void err.say('yellow', `could not remove the ${what}`)
    },
  }
  const report = await check(server, asked).catch((error: unknown) => {
    // What cannot be meant is refused before anything is sent, with the names that code uses.
    if (error instanceof TypeError || error instanceof RangeError) {
      throw new UsageError(error.message)
    }
    throw error
  })
  await out.write(
    values.json === true ? `${JSON.stringify(report, null, 2)}\n` : summaryOf(report, out),
  )
  const { level, text } = report.verdict
  if (level === 'unknown') await err.say('yellow', text)
  return ENDING_OF[level]
}

/** How the command ends for a verdict. A bound is told, and is no reason to fail. */
const ENDING_OF: Readonly<Record<Conclusion['level'], EndingName>> = {
  fit: 'done',
  limited: 'done',
  unknown: 'failed',
  unfit: 'unfit',
}

/** What a check says that was left out by `--only` and `--except`. */
const NOT_ASKED = 'not asked for'

function optionsOf(values: Given): CheckOptions {
  const only = readChecks('--only', values.only)
  const except = readChecks('--except', values.except)
  if (only.length > 0 && only.every((id) => except.includes(id))) {
    throw new UsageError('No check is left by --only and --except')
  }
  const { messages, payload, timeout, restartTimeout, topicPrefix } = values
  return {
    ...(only.length > 0 && { only }),
    except,
    ...(topicPrefix !== undefined && { topicPrefix }),
    bounds: {
      ...(messages !== undefined && { queuedMessages: messages }),
      ...(payload !== undefined && { payloadBytes: payload }),
    },
    timeouts: {
      ...(timeout !== undefined && { totalMs: timeout }),
      ...(restartTimeout !== undefined && { restartMs: restartTimeout }),
    },
  }
}

function readChecks(name: string, lists: readonly string[]): CheckId[] {
  const words = lists.flatMap((list) => list.split(',')).filter((word) => word !== '')
  for (const word of words) {
    if ((CHECK_IDS as readonly string[]).includes(word)) continue
    throw new UsageError(`Cannot use ${name} ${shown(word)}: write ${listed(CHECK_IDS)}`)
  }
  return words as CheckId[]
}

/** Who restarts the server: a command, or a person who is told. */
function restartsOf(context: Context, values: Given): NonNullable<CheckOptions['restart']> {
  const { restart, restartKill, waitForRestart, waitForKill } = values
  if (restart !== undefined && waitForRestart === true) {
    throw new UsageError('Cannot use --restart with --wait-for-restart: leave one')
  }
  if (restartKill !== undefined && waitForKill === true) {
    throw new UsageError('Cannot use --restart-kill with --wait-for-kill: leave one')
  }
  const ask = (what: string) => () => context.err.say('bold', `${what} the server now`)
  const shell = (line: string) => (signal: AbortSignal) => runShell(line, signal)
  const orderly = waitForRestart === true ? ask('restart') : restart && shell(restart)
  const kill = waitForKill === true ? ask('kill (-9) and start') : restartKill && shell(restartKill)
  return { ...(orderly && { orderly }), ...(kill && { kill }) }
}
