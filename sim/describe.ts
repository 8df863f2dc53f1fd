// A plan in short words, for whoever replays a run.

import { armedNames } from '../src/sim/faults.ts'
import type { DevicePlan, Plan } from '../src/sim/plan.ts'

export function describePlan(plan: Plan): string[] {
  const { seed, durationMs, devices, servers, sharedSessions, faults, simple } = plan
  const names = servers.map(({ host, only311 }) => (only311 ? `${host} (3.1.1 alone)` : host))
  return [
    `seed      ${seed}, ${(durationMs / 60_000).toFixed(1)} minutes of faults`,
    `servers   ${names.join(', ')}${servers.length > 1 && sharedSessions ? ', one cluster' : ''}`,
    ...armedNames(faults).map((name) => `fault     ${name} ${numbersOf(faults, name)}`),
    ...devices.flatMap(describeDevice),
    ...(simple === undefined
      ? []
      : [`device    ${simple.clientId} of umqtt/simple: ${JSON.stringify(simple)}`]),
  ]
}

function describeDevice(device: DevicePlan): string[] {
  const { clientId, protocol, outbox, connection, sessionExpirySeconds, reconnect } = device
  const { keepAliveSeconds, receiveMaximum, outboxMessages, watches, streams } = device
  const words = [
    `MQTT ${protocol === 4 ? '3.1.1' : '5'}`,
    `outbox in ${outbox === 'disk' ? 'a file' : 'memory'} for ${outboxMessages}`,
    connection,
    `session ${sessionExpirySeconds} s`,
    `keep alive ${keepAliveSeconds} s`,
    `receives ${receiveMaximum}`,
    `hears by ${watches}`,
    ...(device.adopt ? [] : ['adopts no session']),
    ...(device.credentials ? ['credentials'] : []),
    ...(Object.keys(reconnect).length > 0 ? [JSON.stringify(reconnect)] : []),
    ...(device.disconnectEveryMs < Infinity ? ['disconnects at times'] : []),
    ...(device.greets === true ? ['publishes at once'] : []),
    ...(device.renames === undefined ? [] : ['changes its name']),
    ...(device.closesEveryMs === undefined ? [] : ['closes its client at times']),
    ...(device.cancelsFound > 0 ? ['cancels what it finds'] : []),
    ...(device.resubscribeEveryMs < Infinity ? ['subscribes anew at times'] : []),
  ]
  return [
    `device    ${clientId}: ${words.join(', ')}`,
    ...streams.map(({ topic, delivery, everyMs, burst, sizeBytes, cancelled }) => {
      const { qos, expiresAfterMs, offline, durable, priority, onSessionLoss } = delivery
      const policy = [
        `QoS ${qos}`,
        ...(expiresAfterMs === Infinity ? [] : [`expires after ${expiresAfterMs} ms`]),
        ...(offline === 'drop' ? ['fleeting'] : []),
        ...(delivery.collapseKey === undefined ? [] : ['the latest alone']),
        `durable ${durable}`,
        `priority ${priority}`,
        ...(onSessionLoss === undefined ? [] : [`on the loss of its session ${onSessionLoss}`]),
        ...(cancelled > 0 ? [`${cancelled * 100} % cancelled`] : []),
      ]
      const what = `${burst} of ${sizeBytes} B every ${(everyMs / 1000).toFixed(0)} s`
      return `  publishes ${topic}: ${what}; ${policy.join(', ')}`
    }),
    ...device.commands.map(
      ({ topic, qos, everyMs, burst }) =>
        `  is sent ${topic}: ${burst} every ${(everyMs / 1000).toFixed(0)} s at QoS ${qos}`,
    ),
    ...device.subscriptions.map(
      ({ filter, qos, handler }) => `  subscribes ${filter} at QoS ${qos}, ${handler} handler`,
    ),
  ]
}

function numbersOf(faults: Plan['faults'], name: string): string {
  const [part = '', kind = ''] = name.split('.')
  const numbers = (faults as unknown as Record<string, Record<string, object>>)[part]?.[kind] ?? {}
  return Object.entries(numbers)
    .map(([key, value]) => `${key} ${JSON.stringify(value)}`)
    .join(', ')
}
