// What became of each statement of MQTT 3.1.1: the tests that show it, or why there are none.

import type { Verdict } from './verdicts.ts'

export const VERDICTS_3_1_1: Readonly<Record<string, Verdict>> = {
  'MQTT-1.5.3-1': {
    tests: [
      'ill-formed UTF-8 in a received string ends the connection',
      'an unpaired surrogate in any string is refused at the call',
    ],
  },
  'MQTT-1.5.3-2': {
    tests: [
      'U+0000 in a received string ends the connection',
      'U+0000 in any string is refused at the call',
    ],
  },
  'MQTT-1.5.3-3': { tests: ['EF BB BF in a string is a character in both directions'] },
  'MQTT-2.2.2-1': {
    tests: [
      'CONNECT, the acknowledgements and PINGREQ have flags 0000',
      'PUBREL has flags 0010',
      'SUBSCRIBE has flags 0010',
      'UNSUBSCRIBE has flags 0010',
      'DISCONNECT has flags 0000',
    ],
  },
  'MQTT-2.2.2-2': { tests: ['reserved flags in a received packet end the connection'] },
  'MQTT-2.3.1-1': {
    tests: [
      'each packet that needs an identifier has one that is not 0',
      'identifiers go on from 1 after 65,535',
    ],
  },
  'MQTT-2.3.1-2': {
    tests: [
      'an identifier in use is not given to another packet after the numbers begin anew',
      'an identifier is not used again before the QoS 2 exchange that has it is over',
      'all identifiers in use make no packet without one',
    ],
  },
  'MQTT-2.3.1-3': {
    tests: ['a re-send keeps its identifier, which is free after the last acknowledgement'],
  },
  'MQTT-2.3.1-5': {
    tests: [
      'a QoS 0 PUBLISH has no identifier',
      'a received QoS 0 PUBLISH is read without an identifier',
    ],
  },
  'MQTT-2.3.1-6': {
    tests: [
      'PUBACK, PUBREC and PUBCOMP carry the identifier of the PUBLISH',
      'PUBREL carries the identifier of the PUBLISH',
    ],
  },
  'MQTT-2.3.1-7': {
    tests: [
      'SUBACK and UNSUBACK answer the request of their identifier',
      'SUBACK or UNSUBACK for the identifier of another kind of packet ends the connection',
    ],
  },
  'MQTT-3.1.0-1': {
    tests: ['CONNECT is the first packet', 'nothing of the public client precedes CONNECT'],
  },
  'MQTT-3.1.0-2': {
    tests: ['CONNECT is sent once for a connection', 'a second call of connect is refused'],
  },
  'MQTT-3.1.2-1': { tests: ['the protocol name is MQTT'] },
  'MQTT-3.1.2-2': {
    tests: [
      'the protocol level is that of the version',
      'a refused version is told to the application',
    ],
  },
  'MQTT-3.1.2-3': { tests: ['the reserved connect flag is 0'] },
  'MQTT-3.1.2-4': {
    tests: [
      'Clean Session and Clean Start say what the application asked for',
      'a kept session outlives its connection on this side too',
      'an orderly end does not end a kept session',
    ],
  },
  'MQTT-3.1.2-6': {
    tests: [
      'Clean Session and Clean Start say what the application asked for',
      'a session that ends with its connection is not taken up again',
      'a clean start drops the session of before',
      'a clean start drops the session of before, also when its CONNACK is lost',
    ],
  },
  'MQTT-3.1.2-9': { tests: ['a will has its flag, topic, payload and on 5.0 its properties'] },
  'MQTT-3.1.2-11': {
    tests: ['without a will its flag, QoS and retain are 0 and its fields are absent'],
  },
  'MQTT-3.1.2-13': {
    tests: ['without a will its flag, QoS and retain are 0 and its fields are absent'],
  },
  'MQTT-3.1.2-14': { tests: ['a will of QoS 3 is refused'] },
  'MQTT-3.1.2-15': {
    tests: ['without a will its flag, QoS and retain are 0 and its fields are absent'],
  },
  'MQTT-3.1.2-18': { tests: ['without a user name its flag is 0 and the field absent'] },
  'MQTT-3.1.2-19': { tests: ['a user name has its flag and its field'] },
  'MQTT-3.1.2-20': { tests: ['without a password its flag is 0 and the field absent'] },
  'MQTT-3.1.2-21': { tests: ['a password has its flag and its field'] },
  'MQTT-3.1.2-22': {
    tests: [
      'a password without a user name is refused on 3.1.1',
      'a password without a user name ends the fall-back to 3.1.1',
    ],
  },
  'MQTT-3.1.2-23': {
    tests: [
      'a Keep Alive of the application is in CONNECT',
      'PINGREQ goes out when nothing else does within Keep Alive',
      'only what is sent puts PINGREQ off',
      'without a Keep Alive no PINGREQ goes out',
    ],
  },
  'MQTT-3.1.3-1': { tests: ['the fields of the payload come in their order'] },
  'MQTT-3.1.3-2': { tests: ['every connection of a session names the same client id'] },
  'MQTT-3.1.3-3': { tests: ['the client id is always there and first'] },
  'MQTT-3.1.3-4': { tests: ['a client id that is no UTF-8 string is refused'] },
  'MQTT-3.1.3-7': {
    tests: [
      'an empty client id without a clean session is refused',
      'an empty client id without a clean session ends the fall-back to 3.1.1',
    ],
  },
  'MQTT-3.1.3-10': { tests: ['a will topic that is no UTF-8 string is refused'] },
  'MQTT-3.1.3-11': { tests: ['a user name that is no UTF-8 string is refused'] },
  'MQTT-3.2.0-1': { tests: ['a packet before CONNACK ends the connection without a word'] },
  'MQTT-3.2.2-4': { tests: ['a refusal with Session Present ends the connection'] },
  'MQTT-3.2.2-5': { tests: ['after a refusal the client closes and sends nothing'] },
  'MQTT-3.3.1-1': {
    tests: [
      'DUP is 1 when a message is sent again',
      'DUP is 1 when a message is sent again after a restart',
    ],
  },
  'MQTT-3.3.1-2': {
    tests: [
      'a QoS 0 message has QoS 0 and DUP 0',
      'a received QoS 0 PUBLISH with DUP ends the connection',
    ],
  },
  'MQTT-3.3.1-4': {
    tests: ['QoS 3 is refused at the call', 'a received PUBLISH of QoS 3 ends the connection'],
  },
  'MQTT-3.3.2-1': {
    tests: [
      'the topic is the first field and UTF-8',
      'a received topic that is no UTF-8 ends the connection',
    ],
  },
  'MQTT-3.3.2-2': {
    tests: [
      'a wildcard in a topic is refused at the call',
      'a wildcard in a received topic ends the connection',
    ],
  },
  'MQTT-3.3.4-1': { tests: ['a received message is answered as its QoS demands'] },
  'MQTT-3.6.1-1': {
    tests: [
      'PUBREL has flags 0010',
      'a received PUBREL with other flags than 0010 ends the connection',
    ],
  },
  'MQTT-3.8.1-1': { tests: ['SUBSCRIBE has flags 0010'] },
  'MQTT-3.8.3-1': { tests: ['a filter to subscribe to is UTF-8'] },
  'MQTT-3.8.3-3': { tests: ['a subscription to no filter is refused at the call'] },
  'MQTT-3-8.3-4': {
    tests: [
      'the reserved bits of the requested QoS are 0',
      'options that 3.1.1 does not have are refused',
      'a subscription with QoS 3 is refused at the call',
      'SUBSCRIBE has the filters and their options in order',
    ],
  },
  'MQTT-3.8.4-5': { tests: ['SUBACK with another number of codes ends the connection'] },
  'MQTT-3.9.3-1': { tests: ['the codes of SUBACK belong to the filters by their order'] },
  'MQTT-3.9.3-2': { tests: ['an undefined code in SUBACK ends the connection'] },
  'MQTT-3.10.1-1': { tests: ['UNSUBSCRIBE has flags 0010'] },
  'MQTT-3.10.3-1': { tests: ['a filter to unsubscribe from is UTF-8'] },
  'MQTT-3.10.3-2': { tests: ['an unsubscription from no filter is refused at the call'] },
  'MQTT-3.12.4-1': {
    tests: ['PINGREQ without an answer ends the connection', 'PINGRESP answers a ping'],
  },
  'MQTT-3.14.1-1': { tests: ['DISCONNECT has flags 0000', 'DISCONNECT of 3.1.1 is two bytes'] },
  'MQTT-3.14.4-1': {
    tests: [
      'after DISCONNECT the client closes the connection',
      'a server that does not end its side after DISCONNECT is cut off',
    ],
  },
  'MQTT-3.14.4-2': { tests: ['after DISCONNECT nothing more is sent'] },
  'MQTT-4.1.0-1': { tests: ['everything of a kept session is stored for its length'] },
  'MQTT-4.1.0-2': {
    tests: ['both directions are remembered while connected, whatever becomes of the session'],
  },
  'MQTT-4.3.1-1': {
    tests: ['a QoS 0 message has QoS 0 and DUP 0', 'a QoS 0 message is sent once'],
  },
  'MQTT-4.3.2-1': {
    tests: [
      'a QoS 1 message goes out with DUP 0 and an identifier of its own',
      'a QoS 1 message is unacknowledged until its PUBACK',
      'an acknowledgement of the wrong kind ends the connection',
      'an identifier in use is not given to another packet after the numbers begin anew',
    ],
  },
  'MQTT-4.3.2-2': {
    tests: [
      'a QoS 1 message is answered with PUBACK once the application is done with it',
      'after PUBACK the same identifier is a new message, whatever DUP says',
    ],
  },
  'MQTT-4.3.3-1': {
    tests: [
      'a QoS 2 message goes out with DUP 0 and an identifier of its own',
      'a QoS 2 message is unacknowledged until its PUBREC',
      'PUBREC is answered with PUBREL of the same identifier',
      'PUBREL is unacknowledged until its PUBCOMP, and the PUBLISH does not come again',
      'an acknowledgement of the wrong kind ends the connection',
      'an identifier is not used again before the QoS 2 exchange that has it is over',
    ],
  },
  'MQTT-4.3.3-2': {
    tests: [
      'a QoS 2 message is answered with PUBREC of its identifier',
      'before PUBREL a repeated QoS 2 message gets PUBREC again and is not delivered twice',
      'the receiver of QoS 2 remembers identifiers over a resumed session',
      'a QoS 2 message that the application still has is not delivered twice',
      'PUBREL is answered with PUBCOMP of the same identifier',
      'PUBREL for an unknown identifier is answered with PUBCOMP',
      'after PUBCOMP the identifier is a new message',
    ],
  },
  'MQTT-4.4.0-1': {
    tests: [
      'everything of a kept session is stored for its length',
      'unacknowledged PUBLISH and PUBREL are sent again with their identifiers',
      'a PUBLISH is sent again as it was',
    ],
  },
  'MQTT-4.5.0-2': {
    tests: [
      'a received message is answered as its QoS demands',
      'a message that nobody wants and no filter matches is acknowledged',
      'a message whose handler fails is acknowledged',
    ],
  },
  'MQTT-4.6.0-1': {
    tests: [
      'what is sent again keeps its order, and goes before what is new',
      'what is sent again keeps its order after the identifiers have begun anew',
    ],
  },
  'MQTT-4.6.0-2': { tests: ['PUBACKs go out in the order of arrival'] },
  'MQTT-4.6.0-3': { tests: ['PUBRECs go out in the order of arrival'] },
  'MQTT-4.6.0-4': { tests: ['PUBRELs go out in the order of the PUBRECs'] },
  'MQTT-4.7.1-1': { tests: ['wildcards are for filters, not for names'] },
  'MQTT-4.7.1-2': { tests: ['"#" stands alone or after "/", and last'] },
  'MQTT-4.7.1-3': { tests: ['"+" fills a whole level'] },
  'MQTT-4.7.3-1': {
    tests: [
      'names and filters have at least one character',
      'a received name without a character ends the connection',
    ],
  },
  'MQTT-4.7.3-2': {
    tests: ['names and filters have no U+0000', 'a received name with U+0000 ends the connection'],
  },
  'MQTT-4.7.3-3': { tests: ['names and filters have at most 65,535 bytes'] },
  'MQTT-4.8.0-1': {
    tests: [
      'a packet before CONNACK ends the connection without a word',
      'a second CONNACK ends the connection',
      'CONNACK with an undefined code ends the connection',
      'a packet above our limit ends the connection',
      'malformed packets and protocol errors end the connection, after CONNACK with their code',
    ],
  },
  'MQTT-4.8.0-2': {
    notApplicable:
      'Cannot be seen from outside: reading a packet needs nothing that can fail for a while. What else goes wrong in it is an error of ours, and throws.',
  },
  'MQTT-6.0.0-1': {
    tests: ['packets travel in binary frames', 'a text frame ends the connection'],
  },
  'MQTT-6.0.0-2': { tests: ['packets are read however frames cut or join them'] },
  'MQTT-6.0.0-3': { tests: ['the client offers the sub-protocol mqtt'] },
  'MQTT-6.0.0-4': {
    tests: [
      'a server that picks another sub-protocol, or none, is not accepted',
      'a platform that accepts another sub-protocol, or none, is not believed',
    ],
  },
  'MQTT-7.0.0-2': { tests: ['a server that knows nothing of us needs no extension'] },
  'MQTT-7.1.2-1': { tests: ['TCP carries packets both ways, all of them and in order'] },
}
