// The clients under measure, as data. `slowness` divides the number of messages of a run, so that one that
// needs thirty times as long does not take thirty times the run. `protocols` and `windows` are what is tried:
// with more than one combination, a round that is not counted picks the better.

/** In the order of the table's columns. */
export const PEERS = [
  {
    id: 'umqtt',
    title: 'umqtt',
    language: 'js',
    slowness: 1,
    protocols: [5],
    windows: [1000],
  },
  {
    id: 'floor',
    title: 'bare socket',
    language: 'js',
    slowness: 1,
    protocols: [5],
    windows: [1000],
  },
  {
    id: 'mqttjs',
    title: 'MQTT.js',
    language: 'js',
    package: 'mqtt',
    slowness: 20,
    protocols: [4, 5],
    windows: [100, 1000],
  },
  {
    id: 'u8mqtt',
    title: 'u8-mqtt',
    language: 'js',
    package: 'u8-mqtt',
    highestQoS: 1,
    slowness: 20,
    protocols: [4, 5],
    windows: [100, 1000],
  },
  {
    id: 'libmosquitto',
    title: 'libmosquitto',
    language: 'c',
    header: 'mosquitto.h',
    libraries: ['mosquitto'],
    debian: 'libmosquitto-dev',
    slowness: 4,
    protocols: [4, 5],
    windows: [100, 1000],
  },
  {
    id: 'paho',
    title: 'Paho C',
    language: 'c',
    header: 'MQTTAsync.h',
    libraries: ['paho-mqtt3a', 'pthread'],
    debian: 'libpaho-mqtt-dev',
    slowness: 40,
    protocols: [4, 5],
    windows: [100, 1000],
  },
]
