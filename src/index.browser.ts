// The entry point `umqtt` in a browser: both clients, the one that holds on under its own name.
// Names alone; what they do is in the layers.

export * from './simple.browser.ts'
export * from './robust/public.ts'
export { MQTTClient as RobustClient } from './robust.browser.ts'
