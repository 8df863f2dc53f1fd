// The entry point `umqtt` on Node, Bun and Deno: both clients, the one that holds on under its own name.
// Names alone; what they do is in the layers.

export * from './simple.node.ts'
export * from './robust/public.ts'
export { MQTTClient as RobustClient } from './robust.node.ts'
