// S2: at QoS 2 a message reaches the other side once: within one session, and across its loss unless the
// policy is to send again. To a device: its handler is called once, but for a crash between the handler and
// PUBREC, or a session that was adopted without its ids.

import type { Delivery, Observation } from '../observations.ts'
import type { Plan } from '../plan.ts'
import { FailedDisks } from './failed-disks.ts'
import type { Oracle } from './oracle.ts'

export class OnceOracle implements Oracle {
  readonly name = 'S2'
  readonly #durable: ReadonlyMap<string, boolean>
  readonly #failed = new FailedDisks()

  constructor({ devices }: Plan) {
    this.#durable = new Map(devices.map(({ clientId, outbox }) => [clientId, outbox === 'disk']))
  }

  observe(seen: Observation): string | undefined {
    this.#failed.observe(seen)
    switch (seen.kind) {
      case 'taken': {
        const { message, take } = seen
        if (this.#failed.has(message.device)) return undefined
        const { takes, policy, number } = message
        if (policy.qos !== 2 || takes.length < 2) return undefined
        const again = takes.filter(({ session }) => session === take.session)
        if (again.length > 1) return `#${number} was taken twice in s${take.session}`
        if (policy.onSessionLoss === 'resend') return undefined
        return `#${number} was taken in s${takes[0]?.session} and s${take.session}, and not to be sent again`
      }
      case 'handled':
        return this.#judge(seen.delivery)
      default:
        return undefined
    }
  }

  #judge(delivery: Delivery): string | undefined {
    const { qos, handled, serial, device, acknowledged } = delivery
    const now = handled.at(-1)
    if (qos !== 2 || now === undefined) return undefined
    const { life, handler } = now
    const times = handled.filter((one) => one.life === life && one.handler === handler).length
    if (times > 1) return `>${serial} was handled twice by process ${life} of ${device}`
    const isLate = acknowledged && handled.some((one) => one.life !== life)
    if (isLate && !this.#failed.has(device) && this.#durable.get(device) === true) {
      return `>${serial} was handled by process ${life} of ${device} after its PUBREC had arrived`
    }
    return undefined
  }
}
