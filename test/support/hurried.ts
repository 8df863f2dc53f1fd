// What waits for a timer of the platform, without the wait: for sources that are given no clock. Nothing else of the
// test may wait meanwhile.

/** Does something in which each timer fires at once. @returns how long they would have taken together, in ms */
export async function hurried(action: () => Promise<unknown>): Promise<number> {
  const { setTimeout } = globalThis
  let waitedMs = 0
  const hurry = (go: () => void, ms = 0): unknown => {
    waitedMs += ms
    return setTimeout(go, 0)
  }
  globalThis.setTimeout = hurry as typeof setTimeout
  try {
    await action()
  } finally {
    globalThis.setTimeout = setTimeout
  }
  return waitedMs
}
