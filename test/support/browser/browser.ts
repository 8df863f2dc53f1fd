// A real browser as the tests see it: tabs with the page of outbox-page.ts in them, whose functions they call.

/** A tab with the page in it. */
export interface Tab {
  /** Calls a function of the page, with values that JSON can tell, and gives what it answers with. */
  call<T>(name: string, ...values: readonly unknown[]): Promise<T>
  /** Leaves the page for another one of the same origin. @param path after the origin, without a slash */
  goTo(path: string): Promise<void>
  close(): Promise<void>
}

/** A browser with a profile of its own. */
export interface Browser<T extends Tab = Tab> {
  /** Opens one more tab. */
  tab(): Promise<T>
  /** Ends it, and removes the profile. */
  remove(): Promise<void>
}

/** An expression that calls a function of the page. */
export function callOf(name: string, values: readonly unknown[]): string {
  return `page.${name}(${values.map((value) => JSON.stringify(value)).join()})`
}

/** The same for a protocol that has a form of its own for each kind of value: its answer is text. */
export function textOf(name: string, values: readonly unknown[]): string {
  return `(async () => JSON.stringify(await ${callOf(name, values)}))()`
}

/** What that text says; nothing when there was no answer. */
export function readText<T>(text: string | null | undefined): T {
  return (text ? JSON.parse(text) : undefined) as T
}
