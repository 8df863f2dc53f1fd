// `umqtt/testing` in a browser, where nothing listens on a port.
// Names alone: what runs on every platform.

export * from './testing/public.ts'
