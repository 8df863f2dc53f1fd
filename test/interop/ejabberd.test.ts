// Ejabberd, in both versions of MQTT.

import { serverSuite } from './matrix.ts'

serverSuite('ejabberd', { flood: 2000, briefly: ['tls', 'ws', 'wss'] })
