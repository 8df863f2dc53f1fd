// NATS, which speaks MQTT 3.1.1 without QoS 2, and closes where it does not know what to say.

import { serverSuite } from './matrix.ts'

serverSuite('nats', { flood: 2000, briefly: ['tls', 'ws', 'wss'] })
