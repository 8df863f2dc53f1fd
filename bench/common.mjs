// What the server, the client processes and the runner have to agree on: topics, payloads, settings.
// The C clients keep the same agreement in clients/bench.h. Nothing here knows of a particular client.

/** QoS 1; payload "start" or "end" of the measured part. The server acknowledges it only when a flood is over. */
export const MARK_TOPIC = 'bench/ctl/mark'
/** QoS 0; payload "qos size topics count": the server sends that many messages to the sender. */
export const FLOOD_TOPIC = 'bench/ctl/flood'
/** What a receiving client subscribes to. */
export const DATA_FILTER = 'bench/data/#'

/** The topics of a run, all of one length: "bench/data/00" and on. */
export function dataTopics(count) {
  return Array.from({ length: count }, (_, i) => `bench/data/${String(i).padStart(2, '0')}`)
}

/** The payload that clients publish: letters in rotation. */
export function pattern(size) {
  return Buffer.from(Uint8Array.from({ length: size }, (_, i) => 97 + (i % 26)))
}

/** Messages of a flood carry their place in a ring of this many in their first four bytes. */
export function ringSize(qos) {
  return qos === 0 ? 1000 : 65_500
}

/** `["qos=1", "size=64"]` as `{ qos: 1, size: 64 }`; what does not look like a number stays a string. */
export function parseSettings(words) {
  const settings = {}
  for (const word of words) {
    const at = word.indexOf('=')
    if (at < 1) throw new TypeError(`"${word}" is not of the form name=value`)
    const value = word.slice(at + 1)
    settings[word.slice(0, at)] = /^\d+$/.test(value) ? Number(value) : value
  }
  return settings
}

/** The reverse: one word for each setting that is defined. */
export function formatSettings(settings) {
  return Object.entries(settings)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}=${value}`)
}
