// What a planted bug is.

import type { TextChange } from '../changes.ts'

export interface Mutant extends TextChange {
  /** For the command line: kebab-case. */
  readonly name: string
  /** The sentence of the design that it breaks. */
  readonly rule: string
  /** What else has to be changed for it. @default nothing */
  readonly also?: readonly TextChange[]
}
