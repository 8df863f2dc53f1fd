// The marker in the folder of an outbox: which engine keeps it, in which version of its format, and its
// id. Rule: a folder of another engine or a newer version is never written to. A line of text, so that a
// person can read it.

import { StoreError } from '../../errors.ts'
import { type Files, withFile } from './files.ts'
import { FORMAT_VERSION, ID_BYTES } from './format.ts'

/** The name of the marker, in the folder of every engine. */
export const MARKER_NAME = 'outbox'
/** How this engine is called in it. */
export const ENGINE = 'log'

const LINE = /^umqtt outbox ([\w-]+) (\d+) ([\da-f]{32})\n$/
const BYTES_MAX = 256

/** What a marker says. */
export interface Marker {
  readonly engine: string
  readonly formatVersion: number
  readonly id: Uint8Array
}

/** What an engine puts into its marker beside the id. */
export type Kind = Omit<Marker, 'id'>

/** The kind of this engine. */
export const LOG: Kind = { engine: ENGINE, formatVersion: FORMAT_VERSION }

/** Reads a marker; undefined when it is none, or torn. */
export function parseMarker(bytes: Uint8Array): Marker | undefined {
  const found = LINE.exec(String.fromCharCode(...bytes.subarray(0, BYTES_MAX)))
  if (found === null) return undefined
  const [, engine = '', version, hex = ''] = found
  const id = Uint8Array.from({ length: ID_BYTES }, (_, i) =>
    parseInt(hex.slice(i * 2, i * 2 + 2), 16),
  )
  return { engine, formatVersion: Number(version), id }
}

/** Writes a marker down. */
export function formatMarker({ engine, formatVersion, id }: Marker): Uint8Array {
  const hex = Array.from(id, (byte) => byte.toString(16).padStart(2, '0')).join('')
  const line = `umqtt outbox ${engine} ${formatVersion} ${hex}\n`
  return Uint8Array.from(line, (letter) => letter.charCodeAt(0))
}

/** Reads the marker in a file; undefined when it is torn. */
export async function readMarker(files: Files, name: string): Promise<Marker | undefined> {
  return parseMarker(await withFile(files, name, false, (file) => file.read(0, BYTES_MAX)))
}

/** Writes a marker into a file that is not there yet, and makes it safe. */
export function writeMarker(files: Files, name: string, marker: Marker): Promise<void> {
  return write(files, name, true, marker)
}

/**
 * The id in the folder's marker; undefined when it has none, or a torn one.
 *
 * @throws {StoreError} ERR_MQTT_STORE_UNAVAILABLE it names another engine or a newer version
 */
export async function readId(
  files: Files,
  names: readonly string[],
  own: Kind = LOG,
): Promise<Uint8Array | undefined> {
  if (!names.includes(MARKER_NAME)) return undefined
  const marker = await readMarker(files, MARKER_NAME)
  if (marker === undefined) return undefined
  if (marker.engine !== own.engine) throw refuseEngine(marker.engine)
  checkVersion(marker.formatVersion, own)
  return marker.id
}

/** What is said of an engine that nobody here knows. */
export function refuseEngine(engine: string): StoreError {
  return new StoreError(
    'ERR_MQTT_STORE_UNAVAILABLE',
    `Cannot open the outbox: it was made by the engine "${engine}"; open it with that one and drain it first`,
  )
}

/** @throws {StoreError} ERR_MQTT_STORE_UNAVAILABLE it is newer than this program */
export function checkVersion(formatVersion: number, known: Kind): void {
  if (formatVersion <= known.formatVersion) return
  throw new StoreError(
    'ERR_MQTT_STORE_UNAVAILABLE',
    `Cannot open the outbox: it has format version ${formatVersion}, this program knows ${known.formatVersion}; use a newer one`,
  )
}

/** Writes the marker, in the place of a torn one. */
export function writeId(
  files: Files,
  names: readonly string[],
  id: Uint8Array,
  own: Kind = LOG,
): Promise<void> {
  return write(files, MARKER_NAME, !names.includes(MARKER_NAME), { ...own, id })
}

async function write(files: Files, name: string, create: boolean, marker: Marker): Promise<void> {
  await withFile(files, name, create, async (file) => {
    await file.write(formatMarker(marker), 0)
    await file.sync()
  })
  await files.syncFolder()
}
