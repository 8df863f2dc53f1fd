// A small emitter: typed events, listeners in the order added, and one listener that throws harms
// neither the others nor the caller.

import { guard, textOf } from '../driver/thrown.ts'

/** Who is told when a listener throws. */
export interface EmitterOwner {
  /** @param subject what is told once */
  warn(code: string, message: string, subject: string): void
}

/** Listeners by event. */
export class Emitter<Events extends object> {
  #listeners: Map<keyof Events, Set<(detail: never) => void>> | undefined
  readonly #owner: EmitterOwner

  constructor(owner: EmitterOwner) {
    this.#owner = owner
  }

  /** Adds a listener; the function returned removes it. */
  on<E extends keyof Events>(event: E, listener: (detail: Events[E]) => void): () => void {
    this.#listeners ??= new Map()
    const listeners = this.#listeners.get(event) ?? new Set()
    this.#listeners.set(event, listeners)
    // A wrapper of its own, so that the same function added twice is called twice.
    const entry = (detail: Events[E]): void => listener(detail)
    listeners.add(entry)
    return () => void listeners.delete(entry)
  }

  has(event: keyof Events): boolean {
    return (this.#listeners?.get(event)?.size ?? 0) > 0
  }

  /** Calls the listeners; tells whether there was one. */
  emit<E extends keyof Events>(event: E, detail: Events[E]): boolean {
    const listeners = [...(this.#listeners?.get(event) ?? [])]
    for (const listener of listeners) {
      guard(
        () => (listener as (detail: Events[E]) => void)(detail),
        (error) => {
          const text = `A listener of "${String(event)}" threw: ${textOf(error)}`
          this.#owner.warn('listener-error', text, String(event))
        },
      )
    }
    return listeners.length > 0
  }
}
