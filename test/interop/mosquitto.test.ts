// Mosquitto over every route, in both versions of MQTT.

import { serverSuite } from './matrix.ts'

// robust-chaos.test.ts has more of the chaos, and watches the heap.
serverSuite('mosquitto', { flood: 5000, chaosSeconds: 1 })
