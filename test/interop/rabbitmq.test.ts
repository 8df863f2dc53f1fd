// RabbitMQ with its plugins for MQTT 3.1.1: no QoS 2, and 5.0 refused without a word.

import { serverSuite } from './matrix.ts'

serverSuite('rabbitmq', { flood: 2000, briefly: ['tls', 'ws', 'wss'] })
