// Every judge of a run, in the order of their names. A new one is added here, and nowhere else; none of them
// knows another.

import type { Plan } from '../plan.ts'
import { ProgressOracle } from './l1-progress.ts'
import { AttemptsOracle } from './l2-attempts.ts'
import { SilenceOracle } from './l4-silence.ts'
import type { Oracle } from './oracle.ts'
import { StoredOracle } from './s1-stored.ts'
import { AnsweredOracle } from './s10-answered.ts'
import { FleetingOracle } from './s11-fleeting.ts'
import { PoisonOracle } from './s12-poison.ts'
import { OnceOracle } from './s2-once.ts'
import { ForwardOracle } from './s3-forward.ts'
import { OrderOracle } from './s4-order.ts'
import { WindowOracle } from './s5-window.ts'
import { BoundsOracle } from './s6-bounds.ts'
import { DeadlineOracle } from './s7-deadlines.ts'
import { TruthOracle } from './s8-truth.ts'
import { HandledOracle } from './s9-handled.ts'

/** Makes the judges of one run. */
export function makeOracles(plan: Plan): readonly Oracle[] {
  return [
    new StoredOracle(),
    new OnceOracle(plan),
    new ForwardOracle(),
    new OrderOracle(plan),
    new WindowOracle(),
    new BoundsOracle(plan),
    new DeadlineOracle(),
    new TruthOracle(plan),
    new HandledOracle(plan),
    new AnsweredOracle(),
    new FleetingOracle(),
    new PoisonOracle(plan),
    new ProgressOracle(plan),
    new AttemptsOracle(plan),
    new SilenceOracle(plan),
  ]
}
