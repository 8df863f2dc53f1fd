// What happens when, and how long everything may take: the whole demo as data.
// A button's 15 seconds are 3 here, and so is everything else about five times as fast as in a house.

import type { RobustOptions } from 'umqtt/robust'

/** `silent`: bytes go nowhere and nobody is told, as with a dead radio. `cut`: every attempt fails at once. */
export type LinkState = 'up' | 'silent' | 'cut'

export type Action =
  | { readonly kind: 'scene'; readonly text: string }
  | { readonly kind: 'link'; readonly state: LinkState }
  | { readonly kind: 'press' }
  | { readonly kind: 'window'; readonly news: string }
  | { readonly kind: 'kill' }
  | { readonly kind: 'start' }

export interface Step {
  /** From the moment at which all are connected. */
  readonly atMs: number
  readonly action: Action
}

const scene = (atMs: number, text: string): Step => ({ atMs, action: { kind: 'scene', text } })
const link = (atMs: number, state: LinkState): Step => ({ atMs, action: { kind: 'link', state } })
const press = (atMs: number): Step => ({ atMs, action: { kind: 'press' } })
const news = (atMs: number, text: string): Step => ({
  atMs,
  action: { kind: 'window', news: text },
})

/** In order of time. */
export const STEPS: readonly Step[] = [
  scene(0, 'All is well'),
  press(1_000),
  news(1_800, 'opened'),
  news(3_000, 'closed'),

  scene(4_000, 'The link goes silent: nobody is told, and bytes go nowhere'),
  link(4_000, 'silent'),
  press(4_500),

  scene(9_000, 'The link is cut: every attempt to connect fails'),
  link(9_000, 'cut'),
  press(9_500),
  news(10_000, 'broken'),
  { atMs: 11_000, action: { kind: 'kill' } },
  { atMs: 12_000, action: { kind: 'start' } },
  news(13_500, 'somebody inside'),
  press(14_200),

  scene(15_000, 'The link is healed'),
  link(15_000, 'up'),
  press(18_000),
  news(18_500, 'closed'),
]

/** The last reading is taken then. */
export const ENDS_MS = 19_500
export const READING_EVERY_MS = 500
/** A press that has not got through by then is worth nothing. */
export const PRESS_DEADLINE_MS = 3_000
/** Its timer and the way of the last packet may take that much longer. */
export const DEADLINE_SLACK_MS = 500

/** The longest wait for everybody to be connected, and for what is left at the end. */
export const CONNECT_MS = 10_000
export const LEFT_OVER_MS = 10_000
/** The longest wait for the process of the window to do what it was told. */
export const CHILD_MS = 10_000
/** The demo gives up then, whatever it waits for. */
export const DEMO_MS = 55_000

/** What every client is told: a dead link is noticed within three seconds, and tried again soon. */
export const CLIENT_OPTIONS = {
  keepAliveSeconds: 2,
  timeouts: { connectMs: 2_500, acknowledgementMs: 1_500, pingMs: 1_000, closeMs: 500 },
  reconnect: { floorMs: 300, capMs: 1_500, stableAfterMs: 2_000 },
  session: { expirySeconds: 300 },
} as const satisfies RobustOptions
