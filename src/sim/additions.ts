// The plan of a seed: a plain one, and what is added to it. Each addition is drawn from a stream of chance of its
// own, so that a seed keeps the plain part of its plan whatever is added, and a run that once found something can
// be had again without what came later.

import { armMore } from './arming.ts'
import { addCalm } from './calm.ts'
import { addHabits } from './habits.ts'
import { type Addition, type Plan, plainPlanOf } from './plan.ts'
import { Random } from './random.ts'
import { addRare } from './rare.ts'
import { addScarce } from './scarce.ts'

export const ADDITIONS: readonly Addition[] = ['habits', 'rare', 'scarce', 'calm']

/** How many plans have no habits. */
const PLAIN = 0.4
/** How many devices of the others have habits, and how many of the others have one more fault. */
const HABITUAL = 0.7
const MORE_FAULTS = 0.8

/** Makes the plan of a seed. */
export function planOf(seed: number, additions: readonly Addition[] = ADDITIONS): Plan {
  const plain = plainPlanOf(seed)
  const habitual = additions.includes('habits') ? addMore(plain) : plain
  const rare = additions.includes('rare') ? addRare(habitual) : habitual
  const scarce = additions.includes('scarce') ? addScarce(rare) : rare
  return additions.includes('calm') ? addCalm(scarce) : scarce
}

/** The plan with habits of some devices, and with one more fault. */
function addMore(plan: Plan): Plan {
  const { seed, durationMs, devices, faults } = plan
  const random = new Random(`more ${seed}`)
  if (random.chance(PLAIN)) return plan
  return {
    ...plan,
    devices: devices.map((device, i) =>
      random.chance(HABITUAL) ? addHabits(random.fork(`habits ${i}`), device, durationMs) : device,
    ),
    faults: random.chance(MORE_FAULTS)
      ? armMore(random.fork('faults'), faults, durationMs)
      : faults,
  }
}
