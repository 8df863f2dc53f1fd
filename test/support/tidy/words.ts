// Words for the house rules: what the glossary writes instead, what pure code does not name, and what no
// file leaves behind. The last are spelt so that this file does not contain them.

/** A word that identifiers of src/ never are, and what to write for the concept. */
export interface Forbidden {
  readonly never: string
  readonly write: string
}

/** Whole identifiers, case and all. */
export const GLOSSARY: readonly Forbidden[] = [
  { never: 'messageId', write: 'packetId' },
  { never: 'packetIdentifier', write: 'packetId' },
  { never: 'mid', write: 'packetId' },
  { never: 'pkid', write: 'packetId' },
  { never: 'clientID', write: 'clientId' },
  { never: 'client_id', write: 'clientId' },
  { never: 'cid', write: 'clientId' },
  { never: 'topicFilter', write: 'filter' },
  { never: 'topicName', write: 'topic' },
  { never: 'pattern', write: 'filter' },
  { never: 'subId', write: 'subscriptionId' },
  { never: 'subscriptionIdentifier', write: 'subscriptionId' },
  { never: 'heartbeat', write: 'keepAliveSeconds' },
  { never: 'pingInterval', write: 'keepAliveSeconds' },
  { never: 'lastWill', write: 'will' },
  { never: 'lwt', write: 'will' },
  { never: 'testament', write: 'will' },
  { never: 'maxInflight', write: 'receiveMaximum' },
  { never: 'outstanding', write: 'inflight' },
  { never: 'returnCode', write: 'reasonCode' },
  { never: 'metadata', write: 'userProperties' },
  { never: 'replyTo', write: 'responseTopic' },
  { never: 'ttl', write: 'messageExpirySeconds' },
  { never: 'rh', write: 'retainHandling' },
  { never: 'rap', write: 'retainAsPublished' },
  { never: 'nl', write: 'noLocal' },
]

/** Anywhere in an identifier, in any case. */
export const GLOSSARY_PARTS: readonly Forbidden[] = [{ never: 'broker', write: 'server' }]

/** Names that pure code does without. Some engines lack them; time and chance are arguments. */
export const IMPURE: readonly string[] = (
  'Date performance setTimeout clearTimeout setInterval clearInterval setImmediate clearImmediate ' +
  'queueMicrotask console process Buffer TextEncoder TextDecoder URL URLSearchParams AbortController ' +
  'crypto structuredClone WebSocket fetch globalThis window navigator self atob btoa require Event ' +
  'EventTarget MessageChannel'
).split(' ')

/** What is not left behind in any file, and why. */
export const LEFTOVERS: readonly { readonly pattern: RegExp; readonly why: string }[] = [
  {
    pattern: new RegExp(`\\b(${['TO' + 'DO', 'FIX' + 'ME', 'X' + 'XX'].join('|')})\\b`),
    why: 'open an issue',
  },
  { pattern: new RegExp(`@ts-(${['ignore', 'nocheck'].join('|')})`), why: 'mend the types' },
  {
    pattern: new RegExp(`(eslint|oxlint|prettier)-${'disable'}|prettier-${'ignore'}`),
    why: 'mend the code',
  },
  { pattern: /\/\* (c8|istanbul|v8) ignore/, why: 'test it' },
]

/** The same, for code alone. */
export const CODE_LEFTOVERS: readonly { readonly pattern: RegExp; readonly why: string }[] = [
  { pattern: /\bas any\b|<any>|:\s*any\b/, why: 'name the type, or unknown' },
  { pattern: /\.only\(/, why: 'the other tests would not run' },
  { pattern: /\bdebugger\b/, why: 'a stop for a debugger' },
]
