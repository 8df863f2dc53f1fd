// Error classes and codes: what can go wrong in the world, told so that a program can act on it.
// A caller's own mistakes are not here: they throw the built-in TypeError and RangeError at the call.
// An error says who is at fault (its class), whether waiting may help (`transient`) and, where a
// publish ended with it, whether the message can have reached the server (`sent`).

/** Every code that an {@link MqttError} can carry. */
export type MqttErrorCode = AnyMqttError['code']

/** Whether a message can have reached the server: `no` for certain, or `maybe`. */
export type Sent = 'no' | 'maybe'

interface MqttErrorDetails {
  readonly [field: string]: unknown
  readonly cause?: unknown
  readonly transient?: boolean
  readonly sent?: Sent | undefined
}

const BRAND = Symbol.for('umqtt.MqttError')

/** The base of every error that comes from the network, the server, the clock or the storage. */
export class MqttError extends Error {
  declare readonly name: string
  /** Which kind of error this is; stable, for programs. */
  declare readonly code: string
  /** True when the same attempt may succeed later unchanged. */
  declare readonly transient: boolean
  /** Of a publish that ended with this error: whether the message can have reached the server. */
  declare readonly sent: Sent | undefined

  /**
   * The name gives the code: `QueueFullError` has `ERR_MQTT_QUEUE_FULL`. Whatever the details name
   * becomes a field.
   * @param name of the class
   * @param message says what failed and why
   * @param cause what it was caused by
   * @param fields of the error
   */
  constructor(name: string, message: string, { cause, ...fields }: MqttErrorDetails = {}) {
    super(message, cause === undefined ? undefined : { cause })
    const code = `ERR_MQTT${name.replace(/Error$/, '').replaceAll(/[A-Z]/g, '_$&')}`.toUpperCase()
    Object.assign(this, { name, code, transient: false, sent: undefined, ...fields })
    Object.defineProperty(this, BRAND, { value: true })
  }

  /**
   * Tells whether a value is an error of this package, also of another copy of it.
   * @param value anything, such as what was caught
   * @returns true: its `code` says which
   * @example
   * ```js
   * import { MqttError } from 'umqtt/simple'
   *
   * await client.publish('hall/light', 'on', { qos: 1 }).catch((error) => {
   *   if (!MqttError.is(error)) throw error
   *   if (error.code === 'ERR_MQTT_REJECTED') console.error(error.reasonCode, error.reasonString)
   *   else if (error.transient) console.error('Later, perhaps:', error.message)
   * })
   * ```
   */
  static is(value: unknown): value is AnyMqttError {
    return typeof value === 'object' && value !== null && BRAND in value
  }
}

/**
 * The peer sent bytes that no MQTT packet consists of (§1.2 "Malformed Packet").
 *
 * What to do: the connection has been ended. See what listens there: it may be no MQTT server.
 * `clause` and `offset` say what is wrong with the bytes; if the server is right, report it to us.
 */
export class MalformedPacketError extends MqttError {
  declare readonly name: 'MalformedPacketError'
  declare readonly code: 'ERR_MQTT_MALFORMED_PACKET'
  /** The packet type of the first byte, 0 to 15. */
  declare readonly packetType: number
  /** Where in the packet it went wrong, in bytes from its first. */
  declare readonly offset: number
  /** The clause of the specification, such as `MQTT-2.2.1-2` or `§2.1.4`. */
  declare readonly clause: string
  /** The reason code to answer with in DISCONNECT. */
  declare readonly reasonCode: number

  /**
   * @param message says what failed and why
   * @param details the fields of the error
   */
  constructor(
    message: string,
    details: { packetType: number; offset: number; clause: string; reasonCode: number },
  ) {
    super('MalformedPacketError', message, { ...details, transient: true })
  }
}

/**
 * The peer sent a well-formed packet that is forbidden here and now (§1.2 "Protocol Error").
 *
 * What to do: the connection has been ended, and connecting again may work. `clause` says which
 * rule the server broke; report it to those who make the server.
 */
export class ProtocolError extends MqttError {
  declare readonly name: 'ProtocolError'
  declare readonly code: 'ERR_MQTT_PROTOCOL_ERROR'
  /** Where in the packet it is, in bytes from its first; undefined when it is the whole packet. */
  declare readonly offset: number | undefined
  /** The clause of the specification that forbids it. */
  declare readonly clause: string
  /** The reason code to answer with in DISCONNECT. */
  declare readonly reasonCode: number
  /** Of our PUBLISH that the server answered with the wrong packet; undefined for anything else. */
  declare readonly packetId: number | undefined

  /**
   * @param message says what failed and why
   * @param details the fields of the error
   */
  constructor(
    message: string,
    details: {
      offset?: number
      clause: string
      reasonCode: number
      packetId?: number | undefined
      cause?: unknown
    },
  ) {
    // The one code that does not follow from the name.
    super('ProtocolError', message, {
      ...details,
      code: 'ERR_MQTT_PROTOCOL_ERROR',
      transient: true,
    })
  }
}

/**
 * A packet is larger than one side allows; it was neither sent nor read.
 *
 * What to do: when `limitedBy` is `server`, send less at once; when it is `client`, the connection
 * has been ended: raise `limits.maximumPacketSizeBytes`.
 */
export class PacketTooLargeError extends MqttError {
  declare readonly name: 'PacketTooLargeError'
  declare readonly code: 'ERR_MQTT_PACKET_TOO_LARGE'
  declare readonly sizeBytes: number
  declare readonly limitBytes: number
  /** Whose limit it is. */
  declare readonly limitedBy: 'client' | 'server'

  /**
   * @param message says what failed and why
   * @param details the fields of the error
   */
  constructor(
    message: string,
    details: { sizeBytes: number; limitBytes: number; limitedBy: 'client' | 'server' },
  ) {
    super('PacketTooLargeError', message, { ...details, sent: 'no' })
  }
}

type ServerAnswer = {
  readonly reasonCode: number
  readonly reasonString?: string | undefined
  readonly serverReference?: string | undefined
  readonly transient?: boolean
  readonly sent?: Sent
}

/**
 * The server answered CONNECT with a refusal.
 *
 * What to do: look at `reasonCode` below. Mend the name, the password or the rights; when
 * `transient` is true, connect again later; with 0x9C and 0x9D connect to `serverReference`.
 */
export class ConnectRefusedError extends MqttError {
  declare readonly name: 'ConnectRefusedError'
  declare readonly code: 'ERR_MQTT_CONNECT_REFUSED'
  /** The code in CONNACK: §3.2.2.2 of MQTT 5.0, 1 to 5 of §3.2.2.3 of MQTT 3.1.1. */
  declare readonly reasonCode: number
  declare readonly reasonString: string | undefined
  /** Another server to use (0x9C, 0x9D), as the server wrote it. §4.11 */
  declare readonly serverReference: string | undefined

  /**
   * @param message says what failed and why
   * @param answer what the server said
   */
  constructor(message: string, answer: ServerAnswer) {
    super('ConnectRefusedError', message, answer)
  }
}

/**
 * The server ended the connection with DISCONNECT (MQTT 5.0).
 *
 * What to do: look at `reasonCode` below; 0x8E says that another client has the same client id.
 * Otherwise connect again.
 */
export class ServerDisconnectError extends MqttError {
  declare readonly name: 'ServerDisconnectError'
  declare readonly code: 'ERR_MQTT_SERVER_DISCONNECT'
  declare readonly reasonCode: number
  declare readonly reasonString: string | undefined
  declare readonly serverReference: string | undefined

  /**
   * @param message says what failed and why
   * @param answer what the server said
   */
  constructor(message: string, answer: ServerAnswer) {
    super('ServerDisconnectError', message, { transient: true, ...answer })
  }
}

/**
 * The server answered a PUBLISH, SUBSCRIBE or UNSUBSCRIBE with a reason of 0x80 or above.
 *
 * What to do: look at `reasonCode` below; mostly the server does not permit this topic or filter to
 * this user.
 */
export class RejectedError extends MqttError {
  declare readonly name: 'RejectedError'
  declare readonly code: 'ERR_MQTT_REJECTED'
  declare readonly reasonCode: number
  declare readonly reasonString: string | undefined
  /** The type of the packet that carried the reason. */
  declare readonly packetType: number

  /**
   * @param message says what failed and why
   * @param details the fields of the error
   */
  constructor(
    message: string,
    details: {
      reasonCode: number
      reasonString?: string | undefined
      packetType: number
      sent?: Sent | undefined
    },
  ) {
    super('RejectedError', message, details)
  }
}

/**
 * The transport ended without a word of MQTT, or could not be opened.
 *
 * What to do: connect again; when `transient` is false, mend the certificate or the settings first.
 * `cause` has what the system says. When `sent` is `maybe`, the message may have arrived: publishing it
 * again may make it come twice.
 */
export class ConnectionLostError extends MqttError {
  declare readonly name: 'ConnectionLostError'
  declare readonly code: 'ERR_MQTT_CONNECTION_LOST'

  /**
   * @param message says what failed and why
   * @param details the fields of the error
   */
  constructor(
    message: string,
    details: { cause?: unknown; sent?: Sent; transient?: boolean } = {},
  ) {
    super('ConnectionLostError', message, { transient: true, ...details })
  }
}

/**
 * One of our own clocks ran out.
 *
 * What to do: see which one: `operation` and `afterMs`. After `publish` the exchange goes on behind
 * the scenes; the others end the connection. The bounds are in `timeouts`.
 */
export class TimeoutError extends MqttError {
  declare readonly name: 'TimeoutError'
  declare readonly code: 'ERR_MQTT_TIMEOUT'
  /** What took too long. */
  declare readonly operation: string
  declare readonly afterMs: number

  /**
   * @param message says what failed and why
   * @param details the fields of the error
   */
  constructor(message: string, details: { operation: string; afterMs: number; sent?: Sent }) {
    super('TimeoutError', message, { ...details, transient: true })
  }
}

/**
 * The call needs a connection and there is none, or the client was closed meanwhile.
 *
 * What to do: call `connect` first, and wait for it.
 */
export class ClosedError extends MqttError {
  declare readonly name: 'ClosedError'
  declare readonly code: 'ERR_MQTT_CLOSED'

  /**
   * @param message says what failed and why
   * @param details the fields of the error
   */
  constructor(message: string, details: { sent?: Sent } = {}) {
    super('ClosedError', message, details)
  }
}

/**
 * The server does not offer what the call asks for; nothing was sent. §3.2.2.3
 *
 * What to do: do without: `limit` names the limit of the server, and `connect` gave all of them as
 * `limits`.
 */
export class NotSupportedError extends MqttError {
  declare readonly name: 'NotSupportedError'
  declare readonly code: 'ERR_MQTT_NOT_SUPPORTED'
  /** The CONNACK property that says so. */
  declare readonly limit: string

  /**
   * @param message says what failed and why
   * @param details the fields of the error
   */
  constructor(message: string, details: { limit: string }) {
    super('NotSupportedError', message, { ...details, sent: 'no' })
  }
}

/**
 * Too much is waiting already; nothing was kept and nothing was sent.
 *
 * What to do: wait for publishes to settle before more are made, or raise the limit that `limit`
 * names.
 */
export class QueueFullError extends MqttError {
  declare readonly name: 'QueueFullError'
  declare readonly code: 'ERR_MQTT_QUEUE_FULL'
  /** Which limit was reached, by its name in the options. */
  declare readonly limit: string
  declare readonly limitValue: number

  /**
   * @param message says what failed and why
   * @param details the fields of the error
   */
  constructor(message: string, details: { limit: string; limitValue: number }) {
    super('QueueFullError', message, { ...details, transient: true, sent: 'no' })
  }
}

/** Which way a store failed. */
export type StoreErrorCode =
  'ERR_MQTT_STORE_CORRUPT' | 'ERR_MQTT_STORE_FULL' | 'ERR_MQTT_STORE_UNAVAILABLE'

/**
 * The outbox could not be opened, written or read.
 *
 * What to do: `ERR_MQTT_STORE_FULL`: make room on the disk, or raise the quota; what is stored is
 * still sent, and makes room. `ERR_MQTT_STORE_UNAVAILABLE`: the message names who holds the outbox,
 * or what the system says of its folder. `ERR_MQTT_STORE_CORRUPT`: something is in the outbox that does
 * not belong there; move it away, the rest is not lost.
 */
export class StoreError extends MqttError {
  declare readonly name: 'StoreError'
  declare readonly code: StoreErrorCode
  /** The number of the entry that it is about. */
  declare readonly entryId: number | undefined
  /** Where it is, such as a file and an offset in it. */
  declare readonly position: string | undefined

  /**
   * @param code which way it failed
   * @param message says what failed and why
   * @param details the fields of the error
   */
  constructor(
    code: StoreErrorCode,
    message: string,
    details: { cause?: unknown; entryId?: number; position?: string } = {},
  ) {
    super('StoreError', message, {
      entryId: undefined,
      position: undefined,
      ...details,
      transient: code !== 'ERR_MQTT_STORE_CORRUPT',
      code,
    })
  }
}

/** The union over `code`, for exhaustive handling. */
export type AnyMqttError =
  | MalformedPacketError
  | ProtocolError
  | PacketTooLargeError
  | ConnectRefusedError
  | ServerDisconnectError
  | RejectedError
  | ConnectionLostError
  | TimeoutError
  | ClosedError
  | NotSupportedError
  | QueueFullError
  | StoreError
