// Loaded before a test file: keeps Node's runner from following every promise and handle. It does so to say which test
// an error belongs to that nobody caught, and a promise costs twenty times as much then. What it needs for `describe`
// it is told of here; such an error still fails its file, and is told with it.

import asyncHooks from 'node:async_hooks'

const { AsyncResource, createHook } = asyncHooks

/**
 * What the runner would have done for each promise and handle.
 * @type {{ init?: (asyncId: number, type: string, triggerAsyncId: number, resource: object) => void }}
 */
let runner = {}

/** A test or a suite is one: what is registered while it runs belongs to it. */
class ToldResource extends AsyncResource {
  /** @param {string} type @param {import('node:async_hooks').AsyncResourceOptions} options */
  constructor(type, options) {
    super(type, options)
    runner.init?.(this.asyncId(), type, this.triggerAsyncId(), this)
  }
}

/** @param {typeof runner} callbacks */
function keepCallbacks(callbacks) {
  asyncHooks.createHook = createHook
  runner = callbacks
  // The runner tells its name alone.
  process.on('uncaughtExceptionMonitor', (error) => console.error(error))
  process.on('unhandledRejection', (error) => console.error(error))
  // Never enabled: that is what makes promises slow.
  return createHook({})
}

asyncHooks.createHook = keepCallbacks
asyncHooks.AsyncResource = ToldResource
await import('node:test')
asyncHooks.AsyncResource = AsyncResource
