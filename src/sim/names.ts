// What devices call themselves. A device keeps its name in everything that is told; to servers it may get another
// client identifier with each process, and whoever sees connections alone finds the device again by this.

const SEPARATOR = '~'

/** The client identifier of a device that has got a new one. */
export function renamed(device: string, life: number): string {
  return `${device}${SEPARATOR}${life}`
}

/** Whose client identifier it is. */
export function deviceOf(clientId: string): string {
  const end = clientId.indexOf(SEPARATOR)
  return end < 0 ? clientId : clientId.slice(0, end)
}
