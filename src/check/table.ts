// The table of all checks, in the order of their names in ids.ts.
// Rows alone; who runs them is run.ts.

import { CONNECTION_ROWS } from './checks/connection.ts'
import { DELIVERY_ROWS } from './checks/delivery.ts'
import { FEATURE_ROWS } from './checks/features.ts'
import { QUEUE_ROWS } from './checks/queues.ts'
import { RESTART_ROWS } from './checks/restart.ts'
import { SESSION_ROWS } from './checks/sessions.ts'
import { CHECK_IDS } from './ids.ts'
import type { CheckRow } from './row.ts'

/** Checks that run beside each other. */
export const CHECKS: readonly CheckRow[] = [
  ...CONNECTION_ROWS,
  ...SESSION_ROWS,
  ...QUEUE_ROWS,
  ...DELIVERY_ROWS,
  ...FEATURE_ROWS,
].sort((a, b) => CHECK_IDS.indexOf(a.id) - CHECK_IDS.indexOf(b.id))

/** Checks that need the server for themselves, one after the other. */
export const RESTARTS: readonly CheckRow[] = RESTART_ROWS
