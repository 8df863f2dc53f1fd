// What was read as lines for a person: offset, who sent it, the packet and its fields below it.
// Rule: nothing of the bytes gets out as it is: texts are quoted, and everything else is in our own words.

import { count, hexOf, plain } from '../readable.ts'
import type { Terminal } from '../terminal.ts'
import type { Side } from './conversation.ts'
import { type Field, fieldsOf, headline, type Showing } from './fields.ts'
import { typeName } from './reader.ts'
import type { FaultItem, Item, PacketItem } from './reader.ts'

/** What a packet is indented by, below its offset. */
const INDENT = '    '
/** Bytes shown around the place of a fault. */
const CONTEXT_BYTES = 8
/** A message of the codec may hold a text of the packet. */
const MESSAGE_LETTERS = 300

const ARROWS: Readonly<Record<Side, string>> = { client: '→', server: '←' }

const arrowOf = (from: Side | undefined): string => (from === undefined ? ' ' : ARROWS[from])

/** An item as lines, without the last line feed. @param inputs the names of the inputs */
export function linesOf(
  item: Item,
  {
    out,
    showing,
    inputs,
  }: { readonly out: Terminal; readonly showing: Showing; readonly inputs: readonly string[] },
): string {
  switch (item.kind) {
    case 'packet':
      return packetLines(item, out, showing, inputs)
    case 'fault':
      return faultLines(item, out, showing)
    case 'large':
      return `${item.offset}   ${out.paint('bold', item.type)} ${out.paint('dim', count(item.sizeBytes, 'byte'))}\n${INDENT}too large to be shown: more than --largest`
    case 'note':
      return out.paint('yellow', `note at ${item.offset}: ${item.text}`)
  }
}

function packetLines(
  item: PacketItem,
  out: Terminal,
  showing: Showing,
  inputs: readonly string[],
): string {
  const { offset, from, sizeBytes, answers } = item
  const head = `${offset} ${arrowOf(from)} ${out.paint('bold', headline(item))} ${out.paint('dim', count(sizeBytes, 'byte'))}`
  const fields = [...fieldsOf(item, showing)]
  if (answers !== undefined) {
    const where = inputs.length > 1 ? ` of ${inputs[answers.input]}` : ''
    const value = `${typeName(answers.type << 4)} at ${answers.offset}${where}`
    fields.unshift({ name: 'Belongs to', value, depth: 0 })
  }
  return [head, ...fields.map((field) => fieldLine(field, out))].join('\n')
}

function fieldLine({ name, value, depth }: Field, out: Terminal): string {
  return `${INDENT}${'  '.repeat(depth)}${out.paint('cyan', `${name}:`)} ${value}`
}

function faultLines(item: FaultItem, out: Terminal, showing: Showing): string {
  const { offset, from, type, sizeBytes, message, expected, at, error, missingBytes } = item
  const size = error === 'cut' ? '' : ` ${out.paint('dim', count(sizeBytes, 'byte'))}`
  const lines = [
    `${offset} ${arrowOf(from)} ${out.paint('bold', type)}${size} ${out.paint('red', wordsOf(item))}`,
    `${INDENT}${plain(message, MESSAGE_LETTERS).replaceAll(String.raw`\"`, '"')}`,
  ]
  if (expected !== undefined) lines.push(`${INDENT}expected: ${expected}`)
  if (missingBytes !== undefined) {
    lines.push(`${INDENT}missing: ${count(missingBytes, 'byte')}`)
  }
  if (error !== 'cut' && (showing.secrets || !item.isSecret)) {
    const start = Math.max(0, at - CONTEXT_BYTES)
    const around = item.bytes.subarray(start, at + CONTEXT_BYTES)
    lines.push(
      `${INDENT}bytes from ${offset + start}: ${hexOf(around)}; byte ${at} is at ${offset + at}`,
    )
  }
  if (error !== 'cut') {
    lines.push(
      item.goesOn
        ? `${INDENT}goes on at ${offset + sizeBytes}, where its length says that the next packet begins`
        : `${INDENT}stopped: where the next packet begins cannot be known`,
    )
  }
  return lines.join('\n')
}

function wordsOf({ error, reasonCode }: FaultItem): string {
  if (error === 'cut') return 'CUT OFF'
  const code = `0x${(reasonCode ?? 0).toString(16)}`
  return error === 'malformed' ? `MALFORMED (${code})` : `NOT ALLOWED (${code})`
}
