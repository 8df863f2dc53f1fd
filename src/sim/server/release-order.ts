// The order of PUBREL on one connection: that of the PUBRECs that went out on it [MQTT-4.6.0-4]. What had its PUBREC on
// an earlier one has no place in it.

export class ReleaseOrder {
  /** Packet ids whose PUBREC went out, and whose PUBREL is not in, in order. */
  readonly #awaited: number[] = []

  /** A PUBREC goes out that is no refusal; once more, it changes nothing. */
  handleReceived(packetId: number): void {
    if (!this.#awaited.includes(packetId)) this.#awaited.push(packetId)
  }

  /** A PUBREL is in. @returns what is wrong with it */
  handleRelease(packetId: number): string | undefined {
    const place = this.#awaited.indexOf(packetId)
    if (place >= 0) this.#awaited.splice(place, 1)
    return place > 0 ? `PUBREL of ${packetId} came before that of ${this.#awaited[0]}` : undefined
  }
}
