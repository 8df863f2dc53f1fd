// The entry point `umqtt` on Node, Bun and Deno.
// Names alone; what they do is in the layers.

export * from './simple.node.ts'
