// Connects over TLS and trusts one authority only: node examples/tls.mjs [server] [ca.pem]
// Without a file, the authorities that Node trusts count. The server's name is checked either way.
import { readFileSync } from 'node:fs'
import { MQTTClient } from 'umqtt/simple'

const { UMQTT_SERVER = 'mqtts://localhost' } = process.env
const [, , server = UMQTT_SERVER, file] = process.argv
const client = new MQTTClient(`tls-${process.pid}`, server, {
  tls: file === undefined ? {} : { ca: readFileSync(file) },
})
await client.connect()
console.log(`Connected over TLS; a round trip takes ${await client.ping()} ms`)

// A client certificate, where the server asks for one: tls: { ca, cert, key }
await client.publish('example/secret', 'nobody reads this on the way', { qos: 1 })
console.log('Published')
await client.disconnect()
