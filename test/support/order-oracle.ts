// What §4.6 says of one client, as a small model of the wire: it is told of every packet in either direction and of
// every connection, and fails at the first packet of the client that is out of its turn, or has a packet id that is
// taken. It knows no engine; a message is told apart by its number, which is its payload. Runs on every engine.

import { deepEqual, equal, ok } from 'node:assert/strict'
import type { Packet, PublishPacket } from '../../src/codec/packets.ts'
import { decodeUtf8 } from '../../src/codec/utf8.ts'

/** A message between its first PUBLISH and its last acknowledgement. */
interface Open {
  readonly number: number
  readonly packetId: number
  readonly qos: number
}

export class OrderOracle {
  /** Numbers of messages that are not sent: given up before they were. */
  readonly givenUp = new Set<number>()
  /** Numbers of messages of which a step is being recorded: they do nothing meanwhile. */
  readonly recording = new Set<number>()
  /** The number of the last message that was sent for the first time. */
  #last = -1
  /** Without PUBACK or PUBREC, in the order of the first PUBLISH. */
  #sent: Open[] = []
  /** Without PUBCOMP, in the order of the PUBRECs. */
  #received: Open[] = []
  /** What has still to be sent again on this connection, in its order. */
  #again: Open[] = []
  /** What is still owed PUBREL on this connection, in its order. */
  #releases: Open[] = []
  /** Packet ids of SUBSCRIBE and UNSUBSCRIBE without an answer. */
  readonly #requests = new Set<number>()
  /** Whether the server may hold QoS 2 ids that nobody here knows, and which of them it does not. */
  #isAdopted = false
  readonly #cleared = new Set<number>()
  /** Those for which PUBREL has gone out to clear them. */
  readonly #clearing = new Set<number>()
  /** Messages sent on this connection without their last acknowledgement. §4.9 */
  readonly #window = new Set<Open>()
  #receiveMaximum = 0
  /** Acknowledgements owed to the server, as `type packetId`, in the order of arrival of what they answer. */
  #owed: string[] = []
  #owedPubcomps: number[] = []

  /**
   * The client is about to hear CONNACK.
   * @param session `mine` goes on, `new` has nothing in it, `other` is one that nobody here knows
   */
  handleConnected(session: 'mine' | 'new' | 'other', receiveMaximum: number): void {
    if (session !== 'mine') {
      this.#sent = []
      this.#received = []
      this.#cleared.clear()
      this.#isAdopted = session === 'other'
    }
    this.#again = [...this.#sent]
    this.#releases = [...this.#received]
    for (const set of [this.#requests, this.#clearing, this.#window]) set.clear()
    this.#receiveMaximum = receiveMaximum
    this.#owed = []
    this.#owedPubcomps = []
  }

  /** The client is about to read a packet of the server. */
  handleReceived(packet: Packet): void {
    switch (packet.type) {
      case 3:
        if (packet.qos > 0) this.#owed.push(`${packet.qos === 1 ? 4 : 5} ${packet.packetId}`)
        return
      case 4:
        return this.#take(packet.packetId)
      case 5: {
        const open = this.#find(packet.packetId)
        this.#take(packet.packetId)
        if (packet.reasonCode >= 0x80 || open === undefined) return
        this.#window.add(open)
        this.#received.push(open)
        this.#releases.push(open)
        return
      }
      case 6:
        this.#owedPubcomps.push(packet.packetId)
        return
      case 7:
        if (!this.#clearing.delete(packet.packetId)) return this.#take(packet.packetId)
        this.#cleared.add(packet.packetId)
        return
      case 9:
      case 11:
        this.#requests.delete(packet.packetId)
        return
      default:
    }
  }

  /** The client has written a packet. */
  handleSent(packet: Packet): void {
    switch (packet.type) {
      case 3:
        return this.#handlePublish(packet)
      case 4:
      case 5:
        equal(`${packet.type} ${packet.packetId}`, this.#owed.shift(), 'In the order of arrival')
        return
      case 6:
        return this.#handlePubrel(packet.packetId)
      case 7: {
        const at = this.#owedPubcomps.indexOf(packet.packetId)
        ok(at >= 0, `PUBCOMP ${packet.packetId} answers nothing`)
        this.#owedPubcomps.splice(at, 1)
        return
      }
      case 8:
      case 10:
        this.#checkFree(packet.packetId)
        this.#requests.add(packet.packetId)
        return
      default:
    }
  }

  /** The application wants a message again: it is not acknowledged, and holds up nothing. */
  handleHeld(packet: PublishPacket): void {
    const at = this.#owed.indexOf(`${packet.qos === 1 ? 4 : 5} ${packet.packetId}`)
    if (at >= 0) this.#owed.splice(at, 1)
  }

  /** Nothing is open, and nothing is owed. */
  checkDone(): void {
    deepEqual([this.#sent, this.#received], [[], []], 'Nothing of ours is open')
    deepEqual([this.#again, this.#releases], [[], []], 'Nothing is owed for it')
    deepEqual([this.#owed, this.#owedPubcomps], [[], []], 'Nothing is owed to the server')
    equal(this.#requests.size + this.#clearing.size, 0, 'Nothing else has a packet id')
  }

  #handlePublish({ payload, qos, packetId, dup }: PublishPacket): void {
    const number = Number(decodeUtf8(payload, 0, payload.length))
    ok(!this.givenUp.has(number), `${number} was given up before it was sent`)
    ok(!this.recording.has(number), `${number} is sent before its packet id is recorded`)
    if (dup) {
      const [open] = this.#again
      equal(number, open?.number, 'What is sent again goes in the order of the first time')
      equal(packetId, open?.packetId, `${number} keeps its packet id`)
      this.#again.shift()
      return this.#enter(open as Open)
    }
    equal(this.#again.length, 0, `${number} overtakes what is sent again`)
    ok(number > this.#last, `${number} goes out after ${this.#last}`)
    this.#last = number
    if (qos === 0) return
    this.#checkFree(packetId)
    const isClear = qos === 1 || !this.#isAdopted || this.#cleared.has(packetId)
    ok(isClear, `${packetId} may be that of another message at the server`)
    const open = { number, packetId, qos }
    this.#sent.push(open)
    this.#enter(open)
  }

  #handlePubrel(packetId: number): void {
    const [next] = this.#releases
    if (next?.packetId === packetId) {
      ok(!this.recording.has(next.number), `${next.number} is released before that is recorded`)
      this.#releases.shift()
      return
    }
    ok(this.#isAdopted, `PUBREL ${packetId} is not in the order of the PUBRECs`)
    this.#checkFree(packetId)
    this.#clearing.add(packetId)
  }

  #enter(open: Open): void {
    this.#window.add(open)
    ok(this.#window.size <= this.#receiveMaximum, 'It keeps to Receive Maximum')
  }

  #find(packetId: number): Open | undefined {
    return [...this.#sent, ...this.#received].find((open) => open.packetId === packetId)
  }

  #checkFree(packetId: number): void {
    const isTaken = this.#requests.has(packetId) || this.#clearing.has(packetId)
    ok(!isTaken && this.#find(packetId) === undefined, `${packetId} is in use`)
  }

  /** A step of a message is answered. */
  #take(packetId: number): void {
    const open = this.#find(packetId)
    if (open === undefined) return
    const others = (one: Open): boolean => one !== open
    this.#sent = this.#sent.filter(others)
    this.#received = this.#received.filter(others)
    this.#window.delete(open)
    if (open.qos === 2) this.#cleared.add(packetId)
  }
}
