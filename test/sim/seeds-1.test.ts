// The first half of the seeds in the gate; the other is in seeds-2.test.ts, so that both run at the same time.

import { testSeeds } from './seeds.ts'

testSeeds(1, 1000)
