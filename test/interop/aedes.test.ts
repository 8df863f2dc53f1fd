// Aedes, which speaks MQTT 3.1.1, over every route that it has; and the fall-back to it from 5.0.

import { serverSuite } from './matrix.ts'

serverSuite('aedes', { flood: 5000 })
