// The second half of the seeds in the gate; the first is in seeds-1.test.ts.

import { testSeeds } from './seeds.ts'

testSeeds(1001, 2000)
