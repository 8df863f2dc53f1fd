// The fixed numbers of `umqtt/simple`, each with what it is.
// No file is imported here: only then does a bundler write the numbers in place of their names.

/** 0x80 Unspecified error, in DISCONNECT: 0x87 is for servers alone. §3.14.2.1 [MQTT-3.14.2-1] */
export const NO_ANSWER = 0x80

/** The longest string or binary field of a packet, bytes. §1.5.4 */
export const LONGEST_FIELD_BYTES = 65_535

/** The longest delay that the timers of the platforms take. */
export const LONGEST_TIMER_MS = 2_147_483_647

/** 0x83 Implementation specific error: a handler failed. §3.4.2.1 */
export const HANDLER_FAILED = 0x83

/** 0x92 Packet Identifier not found: of the answers to a publish, PUBCOMP alone may say so. §3.7.2.1 */
export const PACKET_ID_NOT_FOUND = 0x92

/** A WebSocket frame may hold many packets; never less than the largest of them. */
export const DEFAULT_FRAME_BYTES = 16_777_216

/** What a message weighs beside its topic and payload, bytes: its objects, as measured. */
export const MESSAGE_OVERHEAD_BYTES = 200

/** Topics whose handlers are remembered. */
export const ROUTED_TOPICS_KEPT = 256

/** The largest payload that any packet can carry beside a header. §2.1.4 */
export const LARGEST_PAYLOAD_BYTES: number = 268_435_455 - 65_537

/** Topics that are remembered, and the longest of them, bytes: 32 KiB at the most. */
export const TOPICS_KEPT = 256
export const TOPIC_BYTES_MAX = 128

/** Texts of warnings that are remembered, so that a listener is not told one again: some 10 KiB, as texts are. */
export const WARNINGS_KEPT = 100

/** Times the hard limit that messages at QoS 1 and 2 may take besides while an answer is awaited: 64 MiB by default. */
export const INBOX_EXEMPT = 8
