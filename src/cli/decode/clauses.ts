// What each clause that the codec cites asks for, in few words: "expected" in the output of `decode`.
// Rule: a row says what would be right, never what is wrong; the codec has said that.

/** By clause of MQTT 5.0 and of 3.1.1; a clause that both have says the same in both. */
const EXPECTED: Readonly<Record<string, string>> = {
  'MQTT-1.5.3-1': 'a text in UTF-8',
  'MQTT-1.5.4-1': 'a text in UTF-8',
  'MQTT-1.5.3-2': 'a text without U+0000',
  'MQTT-1.5.4-2': 'a text without U+0000',
  '§1.5.5': 'a length that ends within four bytes, and a value that ends where its part does',
  '§2.2.3': 'a Remaining Length of at most four bytes that fits what the packet holds',
  'MQTT-1.5.5-1': 'a length in as few bytes as it takes',
  '§2.1.2': 'a packet type of this version that this side sends',
  'MQTT-2.1.3-1':
    'the flags that this packet type always has: 2 of PUBREL, SUBSCRIBE and UNSUBSCRIBE, else 0',
  'MQTT-2.2.2-2':
    'the flags that this packet type always has: 2 of PUBREL, SUBSCRIBE and UNSUBSCRIBE, else 0',
  '§2.1.4': 'fields that end where the Remaining Length says that the packet ends',
  'MQTT-2.2.1-3': 'a Packet Identifier from 1 to 65,535',
  'MQTT-2.3.1-1': 'a Packet Identifier from 1 to 65,535',
  '§2.2.2.1': 'properties that end within the packet',
  '§2.2.2.2': 'a property that the specification lists for this packet',
  'MQTT-3.1.2-1': 'the Protocol Name "MQTT"',
  'MQTT-3.1.2-2': 'the Protocol Version 4 or 5',
  'MQTT-3.1.2-3': 'a 0 in the lowest bit of the Connect Flags',
  'MQTT-3.1.2-11': 'Will QoS 0 and no Will Retain without a Will',
  'MQTT-3.1.2-13': 'Will QoS 0 and no Will Retain without a Will',
  'MQTT-3.1.2-12': 'a Will QoS of 0, 1 or 2',
  'MQTT-3.1.2-14': 'a Will QoS of 0, 1 or 2',
  'MQTT-3.1.2-22': 'a User Name wherever there is a Password',
  'MQTT-3.2.2-1': '0 or 1 as the Connect Acknowledge Flags',
  'MQTT-3.2.2-4': 'Session Present 0 in a refusal',
  'MQTT-3.2.2-6': 'Session Present 0 in a refusal',
  'MQTT-3.2.2-8': 'a Reason Code of CONNACK',
  '§3.2.2.3': 'a Return Code from 0 to 5',
  'MQTT-3.3.1-2': 'DUP 0 at QoS 0',
  'MQTT-3.3.1-4': 'QoS 0, 1 or 2: both bits are set',
  'MQTT-3.3.2-2': 'a Topic Name without "#" and "+"',
  '§3.3.2.1': 'a Topic Name, or a Topic Alias in its place',
  'MQTT-4.7.3-1': 'at least one character',
  'MQTT-4.7.3-3': 'at most 65,535 bytes',
  'MQTT-3.8.3-2': 'at least one Topic Filter',
  'MQTT-3.8.3-3': 'at least one Topic Filter',
  'MQTT-3.8.3-4': 'No Local 0 with a Shared Subscription',
  'MQTT-3.8.3-5': '0 in the reserved bits of the Subscription Options',
  'MQTT-3-8.3-4': 'a QoS of 0, 1 or 2, and 0 in the other bits',
  '§3.8.3.1': 'a QoS of 0, 1 or 2, and a Retain Handling of 0, 1 or 2',
  'MQTT-3.10.3-2': 'at least one Topic Filter',
  'MQTT-4.7.1-1': '"#" alone in the last level',
  'MQTT-4.7.1-2': '"+" alone in its level',
  'MQTT-4.8.2-2': '"$share/", a name without "#" and "+", "/", and a Topic Filter',
  'MQTT-3.9.3-2': 'at least one Reason Code, and each one of SUBACK',
  'MQTT-3.11.3-2': 'at least one Reason Code, and each one of UNSUBACK',
}

/** What would have been right. */
export function expectedBy(clause: string): string | undefined {
  const known = EXPECTED[clause]
  if (known !== undefined) return known
  // Reason codes have the same clause in each packet, and so have the values of properties.
  if (/^MQTT-3\.\d+\.2-1$/.test(clause)) return 'a Reason Code that this packet may carry'
  if (clause.startsWith('MQTT-3.9.3-')) return 'a Reason Code that SUBACK may carry'
  if (/^§3\.\d+$/.test(clause)) return 'each property once, with a value of its range'
  return undefined
}
