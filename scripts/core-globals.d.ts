// Types that the pure layers may name although lib es2022 lacks them: an application hands such objects
// over, and the pure layers look at them. No values: naming one of these as a value does not compile.

interface AbortSignal {
  readonly aborted: boolean
  readonly reason: unknown
  addEventListener(type: 'abort', listener: () => void, options?: { once?: boolean }): void
  removeEventListener(type: 'abort', listener: () => void): void
}
