// Writes docs/errors.md from the docstrings of src/errors.ts and the reason codes of the built codec:
// `npm run build && node scripts/errors.mjs`, or with `--check` only says whether the page is current.

import { readFileSync, writeFileSync } from 'node:fs'
import { reasonName } from 'umqtt/codec'
import { format, resolveConfig } from 'prettier'
import { ROOT } from './lib/run.mjs'

const SOURCE = `${ROOT}/src/errors.ts`
const PAGE = `${ROOT}/docs/errors.md`

const ERROR = /\/\*\*\n((?: \*.*\n)+) \*\/\nexport class (\w+) extends MqttError \{([^]*?)\n\}\n/g

/** @param {string} source the text of src/errors.ts */
function readErrors(source) {
  return Array.from(source.matchAll(ERROR), ([, comment = '', name = '', body = '']) => {
    const text = comment.replaceAll(/^ \* ?/gm, '')
    const [meaning = '', todo = ''] = text.split(/\n\n+What to do: /).map(unfold)
    const [, type = ''] = /declare readonly code: (.+)/.exec(body) ?? []
    // A class with several codes has a type with a name for them.
    const [, union = type] = new RegExp(`export type ${type} =([^]*?)\\n\\n`).exec(source) ?? []
    const codes = Array.from(union.matchAll(/'(\w+)'/g), ([, code]) => `\`${code}\``)
    const fields = Array.from(
      body.matchAll(/^ {2}declare readonly (?!name|code)(\w+):/gm),
      ([, field]) => `\`${field}\``,
    )
    if (codes.length === 0 || meaning === '' || todo === '') {
      throw new Error(`src/errors.ts: "${name}" lacks a code, a meaning, or "What to do: "`)
    }
    return { name, codes, meaning, todo: todo.charAt(0).toUpperCase() + todo.slice(1), fields }
  })
}

/** @param {string} text */
function unfold(text) {
  return text.replaceAll(/\s+/g, ' ').trim()
}

/** @param {string} source */
function render(source) {
  const errors = readErrors(source)
  const reasonCodes = Array.from({ length: 0x80 }, (_, i) => 0x80 + i).filter(
    (code) => reasonName(code) !== 'Unknown',
  )
  return [
    '# Errors',
    '',
    'Made by `node scripts/errors.mjs` from `src/errors.ts`.',
    '',
    "What goes wrong in the world is an `MqttError`: it has a `code`, which is stable, says with `transient` whether the same may succeed later unchanged, and with `sent`, of a publish, whether the message can have reached the server (`'no'` or `'maybe'`). A mistake of the program is a `TypeError` or `RangeError`, thrown at the call before anything happens. `MqttError.is(error)` tells the two apart, also for a second copy of this package.",
    '',
    '| `code` | class | meaning | what to do | has besides |',
    '| --- | --- | --- | --- | --- |',
    ...errors.map(
      ({ name, codes, meaning, todo, fields }) =>
        `| ${codes.join(', ')} | \`${name}\` | ${meaning} | ${todo} | ${fields.join(', ')} |`,
    ),
    '',
    '## Reason codes of the server',
    '',
    'The `reasonCode` of the errors above, MQTT 5.0 §2.4. MQTT 3.1.1 has five for a refused connection: 1 unacceptable protocol version, 2 identifier rejected, 3 server unavailable, 4 bad user name or password, 5 not authorized.',
    '',
    '| code | name |',
    '| --- | --- |',
    ...reasonCodes.map((code) => `| 0x${code.toString(16).toUpperCase()} | ${reasonName(code)} |`),
    '',
  ].join('\n')
}

const page = await format(render(readFileSync(SOURCE, 'utf8')), {
  ...(await resolveConfig(PAGE)),
  parser: 'markdown',
})
if (!process.argv.includes('--check')) {
  writeFileSync(PAGE, page)
} else if (readFileSync(PAGE, 'utf8') !== page) {
  console.error('docs/errors.md is not current: npm run build && node scripts/errors.mjs')
  process.exitCode = 1
}
