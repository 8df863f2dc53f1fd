// What became of each statement of MQTT 5.0: the tests that show it, or why there are none.

import type { Verdict } from './verdicts.ts'

export const VERDICTS_5_0: Readonly<Record<string, Verdict>> = {
  'MQTT-1.5.4-1': {
    tests: [
      'ill-formed UTF-8 in a received string ends the connection',
      'an unpaired surrogate in any string is refused at the call',
    ],
  },
  'MQTT-1.5.4-2': {
    tests: [
      'U+0000 in a received string ends the connection',
      'U+0000 in any string is refused at the call',
    ],
  },
  'MQTT-1.5.4-3': { tests: ['EF BB BF in a string is a character in both directions'] },
  'MQTT-1.5.5-1': {
    tests: [
      'a Remaining Length is written in its shortest form',
      'lengths and identifiers of properties are written in their shortest form',
      'an integer that is longer than need be ends the connection',
    ],
  },
  'MQTT-1.5.7-1': {
    tests: [
      'both halves of a user property are checked when they come in',
      'both halves of a user property are checked at the call',
    ],
  },
  'MQTT-2.1.3-1': {
    tests: [
      'CONNECT, the acknowledgements and PINGREQ have flags 0000',
      'PUBREL has flags 0010',
      'SUBSCRIBE has flags 0010',
      'UNSUBSCRIBE has flags 0010',
      'DISCONNECT has flags 0000',
      'AUTH has flags 0000',
      'reserved flags in a received packet end the connection',
    ],
  },
  'MQTT-2.2.1-2': {
    tests: [
      'a QoS 0 PUBLISH has no identifier',
      'a received QoS 0 PUBLISH is read without an identifier',
    ],
  },
  'MQTT-2.2.1-3': {
    tests: [
      'each packet that needs an identifier has one that is not 0',
      'identifiers go on from 1 after 65,535',
      'an identifier in use is not given to another packet after the numbers begin anew',
      'an identifier is not used again before the QoS 2 exchange that has it is over',
      'all identifiers in use make no packet without one',
    ],
  },
  'MQTT-2.2.1-4': {
    tests: ['a received PUBLISH of QoS 1 or 2 with identifier 0 ends the connection'],
  },
  'MQTT-2.2.1-5': {
    tests: [
      'PUBACK, PUBREC and PUBCOMP carry the identifier of the PUBLISH',
      'PUBREL carries the identifier of the PUBLISH',
    ],
  },
  'MQTT-2.2.1-6': {
    tests: [
      'SUBACK and UNSUBACK answer the request of their identifier',
      'SUBACK or UNSUBACK for the identifier of another kind of packet ends the connection',
    ],
  },
  'MQTT-2.2.2-1': {
    tests: [
      'a packet without properties has a Property Length of 0',
      'AUTH carries a Property Length with its properties',
    ],
  },
  'MQTT-3.1.0-1': {
    tests: ['CONNECT is the first packet', 'nothing of the public client precedes CONNECT'],
  },
  'MQTT-3.1.0-2': {
    tests: ['CONNECT is sent once for a connection', 'a second call of connect is refused'],
  },
  'MQTT-3.1.2-1': {
    tests: [
      'the protocol name is MQTT',
      'a refused version is told to the application',
      'a connection that ends before CONNACK is an error',
    ],
  },
  'MQTT-3.1.2-2': {
    tests: [
      'the protocol level is that of the version',
      'a refused version is told to the application',
      'a refused version is followed by 3.1.1 once, when none is asked for',
    ],
  },
  'MQTT-3.1.2-3': { tests: ['the reserved connect flag is 0'] },
  'MQTT-3.1.2-4': {
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
  'MQTT-3.1.2-12': { tests: ['a will of QoS 3 is refused'] },
  'MQTT-3.1.2-13': {
    tests: ['without a will its flag, QoS and retain are 0 and its fields are absent'],
  },
  'MQTT-3.1.2-16': { tests: ['without a user name its flag is 0 and the field absent'] },
  'MQTT-3.1.2-17': { tests: ['a user name has its flag and its field'] },
  'MQTT-3.1.2-18': { tests: ['without a password its flag is 0 and the field absent'] },
  'MQTT-3.1.2-19': {
    tests: ['a password has its flag and its field', 'a password goes without a user name on 5.0'],
  },
  'MQTT-3.1.2-20': {
    tests: [
      'a Keep Alive of the application is in CONNECT',
      'PINGREQ goes out when nothing else does within Keep Alive',
      'only what is sent puts PINGREQ off',
      'without a Keep Alive no PINGREQ goes out',
    ],
  },
  'MQTT-3.1.2-21': {
    tests: [
      "the server's Keep Alive replaces ours",
      "the server's Keep Alive of 0 switches pings off",
    ],
  },
  'MQTT-3.1.2-23': {
    tests: [
      'a kept session outlives its connection on this side too',
      'an orderly end does not end a kept session',
      'a Session Expiry Interval is in CONNECT when the session is to be kept',
      'everything of a kept session is stored for its length',
    ],
  },
  'MQTT-3.1.2-24': {
    tests: [
      'our Maximum Packet Size is in CONNECT',
      'a packet above our Maximum Packet Size ends the connection',
    ],
  },
  'MQTT-3.1.2-26': {
    tests: [
      'our maximum of topic aliases is in CONNECT',
      'a topic alias above our maximum ends the connection',
    ],
  },
  'MQTT-3.1.2-27': {
    tests: [
      'our maximum of topic aliases is in CONNECT',
      'any topic alias ends the connection when we take none',
    ],
  },
  'MQTT-3.1.2-28': {
    deviation:
      'Response Information that nobody asked for is handed on with the result of connect: it is a text that the application may ignore, and to end a working connection for it helps nobody.',
    tests: [],
  },
  'MQTT-3.1.2-29': {
    tests: [
      'problem information that CONNECT asked to leave out ends the connection',
      'CONNECT asks to leave problem information out when the application says so',
    ],
  },
  'MQTT-3.1.2-30': {
    tests: ['a client with an authentication method sends nothing but AUTH before CONNACK'],
  },
  'MQTT-3.1.3-1': { tests: ['the fields of the payload come in their order'] },
  'MQTT-3.1.3-2': {
    tests: [
      'every connection of a session names the same client id',
      'an assigned client id is that of the later connections',
    ],
  },
  'MQTT-3.1.3-3': { tests: ['the client id is always there and first'] },
  'MQTT-3.1.3-4': { tests: ['a client id that is no UTF-8 string is refused'] },
  'MQTT-3.1.3-11': { tests: ['a will topic that is no UTF-8 string is refused'] },
  'MQTT-3.1.3-12': { tests: ['a user name that is no UTF-8 string is refused'] },
  'MQTT-3.2.0-1': { tests: ['a packet before CONNACK ends the connection without a word'] },
  'MQTT-3.2.0-2': { tests: ['a second CONNACK ends the connection'] },
  'MQTT-3.2.2-1': { tests: ['CONNACK with reserved flags set ends the connection'] },
  'MQTT-3.2.2-2': { tests: ['Session Present after a clean start ends the connection'] },
  'MQTT-3.2.2-4': {
    deviation:
      'Session Present 1 although we hold no state is accepted: after a restart without a store the messages that the server has kept are worth more than a clean slate. Its QoS 2 identifiers are cleared with PUBREL before we use them.',
    tests: ['a session that only the server has is taken over with its packet identifiers cleared'],
  },
  'MQTT-3.2.2-5': { tests: ['Session Present 0 makes the client forget its session'] },
  'MQTT-3.2.2-6': { tests: ['a refusal with Session Present ends the connection'] },
  'MQTT-3.2.2-7': { tests: ['after a refusal the client closes and sends nothing'] },
  'MQTT-3.2.2-8': { tests: ['CONNACK with an undefined code ends the connection'] },
  'MQTT-3.2.2-9': { tests: ['a Maximum QoS other than 0 or 1 ends the connection'] },
  'MQTT-3.2.2-11': {
    tests: [
      'a message above the Maximum QoS is not sent',
      'a message above the Maximum QoS is not sent when it waited for CONNACK',
      'a message above the Maximum QoS is not sent again after a reconnect with other limits',
    ],
  },
  'MQTT-3.2.2-14': { tests: ['a message with RETAIN is not sent when the server keeps none'] },
  'MQTT-3.2.2-15': {
    tests: [
      "a packet above the server's Maximum Packet Size is not sent",
      "an AUTH above the server's Maximum Packet Size is not sent",
      'a topic alias does not make a packet larger than the server allows',
    ],
  },
  'MQTT-3.2.2-17': { tests: ['our topic aliases are from 1 to the maximum of the server'] },
  'MQTT-3.2.2-18': { tests: ['without a maximum of the server no topic alias is sent'] },
  'MQTT-3.2.2-21': {
    tests: [
      "the server's Keep Alive replaces ours",
      'the Keep Alive of the application holds on the next connection',
    ],
  },
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
  'MQTT-3.3.2-3': {
    notApplicable:
      'A duty of the server that a client cannot check: filters of an earlier connection, shared and overlapping subscriptions bring topics that no live filter matches. Such a message is acknowledged (MQTT-4.5.0-2).',
  },
  'MQTT-3.3.2-7': {
    tests: [
      'our topic aliases end with the connection',
      'a message is sent again with its topic',
      'the topic aliases of the server end with the connection',
    ],
  },
  'MQTT-3.3.2-8': {
    tests: [
      'our topic aliases are from 1 to the maximum of the server',
      'a topic alias cannot be given by hand',
    ],
  },
  'MQTT-3.3.2-9': {
    tests: [
      'our topic aliases are from 1 to the maximum of the server',
      'without a maximum of the server no topic alias is sent',
    ],
  },
  'MQTT-3.3.2-10': {
    tests: [
      'every topic alias up to our maximum is understood',
      'a topic alias can get another topic',
    ],
  },
  'MQTT-3.3.2-11': {
    tests: [
      'a topic alias above our maximum ends the connection',
      'any topic alias ends the connection when we take none',
    ],
  },
  'MQTT-3.3.2-13': {
    tests: [
      'a response topic that is no UTF-8 or holds a wildcard is refused at the call',
      'a response topic is sent as it is',
      'a received response topic that is no UTF-8 ends the connection',
    ],
  },
  'MQTT-3.3.2-14': {
    tests: [
      'a response topic that is no UTF-8 or holds a wildcard is refused at the call',
      'a wildcard in a received response topic ends the connection',
    ],
  },
  'MQTT-3.3.2-19': {
    tests: [
      'a content type that is no UTF-8 is refused at the call',
      'a received content type that is no UTF-8 ends the connection',
    ],
  },
  'MQTT-3.3.4-1': { tests: ['a received message is answered as its QoS demands'] },
  'MQTT-3.3.4-6': {
    tests: [
      'a subscription identifier in a PUBLISH is refused at the call',
      'a message that is passed on has no subscription identifier',
    ],
  },
  'MQTT-3.3.4-7': {
    tests: [
      "no more messages are under way than the server's Receive Maximum",
      'messages that wait for CONNACK keep to the Receive Maximum',
      'messages that are sent again keep to the Receive Maximum',
    ],
  },
  'MQTT-3.3.4-8': { tests: ['a full window does not hold up other packets'] },
  'MQTT-3.3.4-9': {
    deviation:
      'By half: a Receive Maximum that the application sets is enforced with 0x93. The default one is only counted in statistics.receiveMaximumOverruns, because Mosquitto 2.0.11 exceeds it (measured: 2,399 messages over a limit of 10).',
    tests: [
      'our Receive Maximum is in CONNECT',
      'a server that exceeds a Receive Maximum of the application is cut off',
      'QoS 0 does not count against our Receive Maximum',
      'the default Receive Maximum is only counted when the server exceeds it',
    ],
  },
  'MQTT-3.4.2-1': {
    tests: [
      'a received PUBACK with an undefined reason code ends the connection',
      'an undefined reason code of the application is refused at the call',
    ],
  },
  'MQTT-3.4.2-2': { tests: ['PUBACK is never longer than 5 bytes'] },
  'MQTT-3.4.2-3': { tests: ['PUBACK is never longer than 5 bytes'] },
  'MQTT-3.5.2-1': {
    tests: [
      'a received PUBREC with an undefined reason code ends the connection',
      'an undefined reason code of the application is refused at the call',
    ],
  },
  'MQTT-3.5.2-2': { tests: ['PUBREC is never longer than 5 bytes'] },
  'MQTT-3.5.2-3': { tests: ['PUBREC is never longer than 5 bytes'] },
  'MQTT-3.6.1-1': {
    tests: [
      'PUBREL has flags 0010',
      'a received PUBREL with other flags than 0010 ends the connection',
    ],
  },
  'MQTT-3.6.2-1': {
    tests: [
      'a received PUBREL with an undefined reason code ends the connection',
      'PUBREL and PUBCOMP have the reason codes 0 and 0x92',
    ],
  },
  'MQTT-3.6.2-2': { tests: ['PUBREL is never longer than 5 bytes'] },
  'MQTT-3.6.2-3': { tests: ['PUBREL is never longer than 5 bytes'] },
  'MQTT-3.7.2-1': {
    tests: [
      'a received PUBCOMP with an undefined reason code ends the connection',
      'PUBREL and PUBCOMP have the reason codes 0 and 0x92',
    ],
  },
  'MQTT-3.7.2-2': { tests: ['PUBCOMP is never longer than 5 bytes'] },
  'MQTT-3.7.2-3': { tests: ['PUBCOMP is never longer than 5 bytes'] },
  'MQTT-3.8.1-1': { tests: ['SUBSCRIBE has flags 0010'] },
  'MQTT-3.8.3-1': { tests: ['a filter to subscribe to is UTF-8'] },
  'MQTT-3.8.3-2': { tests: ['a subscription to no filter is refused at the call'] },
  'MQTT-3.8.3-4': { tests: ['No Local on a shared subscription is refused at the call'] },
  'MQTT-3.8.3-5': {
    tests: [
      'the reserved bits of the subscription options are 0',
      'a subscription with QoS 3 is refused at the call',
      'SUBSCRIBE has the filters and their options in order',
    ],
  },
  'MQTT-3.8.4-6': { tests: ['SUBACK with another number of codes ends the connection'] },
  'MQTT-3.9.3-1': { tests: ['the codes of SUBACK belong to the filters by their order'] },
  'MQTT-3.9.3-2': { tests: ['an undefined code in SUBACK ends the connection'] },
  'MQTT-3.10.1-1': { tests: ['UNSUBSCRIBE has flags 0010'] },
  'MQTT-3.10.3-1': { tests: ['a filter to unsubscribe from is UTF-8'] },
  'MQTT-3.10.3-2': { tests: ['an unsubscription from no filter is refused at the call'] },
  'MQTT-3.11.3-1': {
    tests: [
      'the codes of UNSUBACK belong to the filters by their order',
      'UNSUBACK with another number of codes ends the connection',
    ],
  },
  'MQTT-3.11.3-2': { tests: ['an undefined code in UNSUBACK ends the connection'] },
  'MQTT-3.12.4-1': {
    tests: ['PINGREQ without an answer ends the connection', 'PINGRESP answers a ping'],
  },
  'MQTT-3.14.0-1': { tests: ['DISCONNECT before CONNACK ends the connection as a protocol error'] },
  'MQTT-3.14.1-1': { tests: ['a received DISCONNECT with flags set is malformed'] },
  'MQTT-3.14.2-1': {
    tests: [
      'a failed answer to AUTH ends the connection with a reason code that a client may send',
      'a received DISCONNECT with an undefined reason code ends the connection as an error',
      'DISCONNECT has a reason code that a client may send',
    ],
  },
  'MQTT-3.14.2-2': {
    tests: ['a received DISCONNECT with a Session Expiry Interval ends the connection as an error'],
  },
  'MQTT-3.14.2-3': {
    tests: [
      'DISCONNECT fits the largest packet of the server, and asks for no session where there is none',
    ],
  },
  'MQTT-3.14.2-4': {
    tests: [
      'DISCONNECT fits the largest packet of the server, and asks for no session where there is none',
    ],
  },
  'MQTT-3.14.4-1': { tests: ['after DISCONNECT nothing more is sent'] },
  'MQTT-3.14.4-2': {
    tests: [
      'after DISCONNECT the client closes the connection',
      'a server that does not end its side after DISCONNECT is cut off',
    ],
  },
  'MQTT-3.15.1-1': {
    tests: ['AUTH has flags 0000', 'a received AUTH with flags set is malformed'],
  },
  'MQTT-3.15.2-1': {
    tests: [
      'AUTH of the server with an undefined reason code ends the connection',
      'AUTH of the server is answered with AUTH 0x18 and the method',
      'a re-authentication is AUTH 0x19 with the original method',
    ],
  },
  'MQTT-3.15.2-2': { tests: ['AUTH has method and data and nothing else'] },
  'MQTT-3.15.2-3': { tests: ['AUTH has method and data and nothing else'] },
  'MQTT-4.1.0-1': {
    tests: ['both directions are remembered while connected, whatever becomes of the session'],
  },
  'MQTT-4.2-1': { tests: ['TCP carries packets both ways, all of them and in order'] },
  'MQTT-4.3.1-1': {
    tests: ['a QoS 0 message has QoS 0 and DUP 0', 'a QoS 0 message is sent once'],
  },
  'MQTT-4.3.2-1': {
    tests: [
      'a QoS 1 message goes out with DUP 0 and an identifier of its own',
      'an identifier in use is not given to another packet after the numbers begin anew',
    ],
  },
  'MQTT-4.3.2-2': { tests: ['a QoS 1 message goes out with DUP 0 and an identifier of its own'] },
  'MQTT-4.3.2-3': {
    tests: [
      'a QoS 1 message is unacknowledged until its PUBACK',
      'an acknowledgement of the wrong kind ends the connection',
    ],
  },
  'MQTT-4.3.2-4': {
    tests: ['a QoS 1 message is answered with PUBACK once the application is done with it'],
  },
  'MQTT-4.3.2-5': {
    tests: ['after PUBACK the same identifier is a new message, whatever DUP says'],
  },
  'MQTT-4.3.3-1': {
    tests: [
      'a QoS 2 message goes out with DUP 0 and an identifier of its own',
      'an identifier is not used again before the QoS 2 exchange that has it is over',
    ],
  },
  'MQTT-4.3.3-2': { tests: ['a QoS 2 message goes out with DUP 0 and an identifier of its own'] },
  'MQTT-4.3.3-3': {
    tests: [
      'a QoS 2 message is unacknowledged until its PUBREC',
      'an acknowledgement of the wrong kind ends the connection',
    ],
  },
  'MQTT-4.3.3-4': { tests: ['PUBREC is answered with PUBREL of the same identifier'] },
  'MQTT-4.3.3-5': {
    tests: ['PUBREL is unacknowledged until its PUBCOMP, and the PUBLISH does not come again'],
  },
  'MQTT-4.3.3-6': {
    tests: ['PUBREL is unacknowledged until its PUBCOMP, and the PUBLISH does not come again'],
  },
  'MQTT-4.3.3-7': { tests: ['a message that was sent does not expire here'] },
  'MQTT-4.3.3-8': { tests: ['a QoS 2 message is answered with PUBREC of its identifier'] },
  'MQTT-4.3.3-9': { tests: ['after a refusing PUBREC the identifier is a new message'] },
  'MQTT-4.3.3-10': {
    tests: [
      'before PUBREL a repeated QoS 2 message gets PUBREC again and is not delivered twice',
      'the receiver of QoS 2 remembers identifiers over a resumed session',
      'a QoS 2 message that the application still has is not delivered twice',
    ],
  },
  'MQTT-4.3.3-11': {
    tests: [
      'PUBREL is answered with PUBCOMP of the same identifier',
      'PUBREL for an unknown identifier is answered with PUBCOMP',
    ],
  },
  'MQTT-4.3.3-12': { tests: ['after PUBCOMP the identifier is a new message'] },
  'MQTT-4.3.3-13': { tests: ['the exchange of a received message is finished after its expiry'] },
  'MQTT-4.4.0-1': {
    tests: [
      'everything of a kept session is stored for its length',
      'unacknowledged PUBLISH and PUBREL are sent again with their identifiers',
      'a PUBLISH is sent again as it was',
      'nothing is sent again on the same connection',
    ],
  },
  'MQTT-4.4.0-2': { tests: ['a refusing PUBACK or PUBREC ends the message'] },
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
  'MQTT-4.7.0-1': { tests: ['wildcards are for filters, not for names'] },
  'MQTT-4.7.1-1': { tests: ['"#" stands alone or after "/", and last'] },
  'MQTT-4.7.1-2': { tests: ['"+" fills a whole level'] },
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
  'MQTT-4.8.2-1': { tests: ['$share/ is followed by a share name'] },
  'MQTT-4.8.2-2': { tests: ['a share name has no wildcard, and a filter follows'] },
  'MQTT-4.9.0-1': {
    tests: [
      "no more messages are under way than the server's Receive Maximum",
      'messages that wait for CONNACK keep to the Receive Maximum',
      'messages that are sent again keep to the Receive Maximum',
    ],
  },
  'MQTT-4.9.0-2': {
    tests: [
      "no more messages are under way than the server's Receive Maximum",
      'a refusing PUBREC makes room in the window',
    ],
  },
  'MQTT-4.9.0-3': { tests: ['a full window does not hold up other packets'] },
  'MQTT-4.12.0-2': {
    tests: ['AUTH of the server with an undefined reason code ends the connection'],
  },
  'MQTT-4.12.0-3': { tests: ['AUTH of the server is answered with AUTH 0x18 and the method'] },
  'MQTT-4.12.0-5': {
    tests: [
      'AUTH of the server with another method, or none, ends the connection',
      'AUTH of the server is answered with AUTH 0x18 and the method',
      'a re-authentication is AUTH 0x19 with the original method',
    ],
  },
  'MQTT-4.12.0-6': {
    tests: ['AUTH of the server without a method in CONNECT ends the connection'],
  },
  'MQTT-4.12.0-7': { tests: ['without a method in CONNECT no AUTH is sent'] },
  'MQTT-4.12.1-1': { tests: ['a re-authentication is AUTH 0x19 with the original method'] },
  'MQTT-4.12.1-2': {
    tests: [
      'a failed answer to AUTH ends the connection with a reason code that a client may send',
      'a re-authentication that the server refuses closes the connection',
    ],
  },
  'MQTT-4.13.1-1': {
    tests: [
      'every property of CONNACK that may come once ends the connection when it comes twice',
      'a DISCONNECT of ours with an error closes the connection',
      'malformed packets and protocol errors end the connection, after CONNACK with their code',
    ],
  },
  'MQTT-4.13.2-1': {
    tests: [
      'a DISCONNECT of the server closes the connection',
      'a DISCONNECT of ours with an error closes the connection',
    ],
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
  '§3.1.2.11.3': {
    deviation:
      'As MQTT-3.3.4-9: enforced when the application sets it, counted when it is the default.',
    tests: [
      'a server that exceeds a Receive Maximum of the application is cut off',
      'the default Receive Maximum is only counted when the server exceeds it',
    ],
  },
  '§3.1.2.11.4': { tests: ['a packet above our Maximum Packet Size ends the connection'] },
  '§3.2.2.3.2': { tests: ["the server's Session Expiry Interval replaces ours"] },
  '§3.2.2.3.3': {
    tests: [
      'a Receive Maximum of 0 ends the connection',
      'an absent Receive Maximum is 65,535, whatever the connection before said',
    ],
  },
  '§3.2.2.3.4': {
    tests: [
      'a Maximum QoS other than 0 or 1 ends the connection',
      'a Maximum QoS that comes twice ends the connection',
      'every property of CONNACK that may come once ends the connection when it comes twice',
    ],
  },
  '§3.2.2.3.6': { tests: ['a Maximum Packet Size of 0 ends the connection'] },
  '§3.2.2.3.7': {
    tests: [
      'an assigned client id is that of the later connections',
      'an assigned client id is told to the application',
    ],
  },
  '§3.2.2.3.11': { tests: ['wildcards are not sent to a server without them'] },
  '§3.2.2.3.12': { tests: ['subscription identifiers are not sent to a server without them'] },
  '§3.2.2.3.13': { tests: ['shared subscriptions are not sent to a server without them'] },
  '§3.2.2.3.16': { tests: ['a Server Reference is told to the application, and not followed'] },
  '§3.3.2.3.4': {
    tests: [
      'a topic alias above our maximum ends the connection',
      'a topic alias of 0 ends the connection',
      'an unknown topic alias without a topic ends the connection',
    ],
  },
  '§3.3.2.3.8': {
    tests: [
      'all subscription identifiers of a received PUBLISH are told',
      'a received subscription identifier of 0 ends the connection',
    ],
  },
  '§3.6.2.1': { tests: ['PUBREL for an unknown identifier is answered with PUBCOMP'] },
  '§3.14.2.2.2': {
    tests: [
      'DISCONNECT fits the largest packet of the server, and asks for no session where there is none',
    ],
  },
  '§3.12.4': { tests: ['PINGREQ without an answer ends the connection'] },
  '§3.15': {
    tests: [
      'AUTH of the server without a method in CONNECT ends the connection',
      'AUTH 0x19 of the server ends the connection',
    ],
  },
  '§4.3': {
    tests: [
      'the receiver of QoS 2 remembers identifiers over a resumed session',
      'a QoS 2 message that the application still has is not delivered twice',
    ],
  },
  '§4.13.1': {
    tests: [
      'a packet before CONNACK ends the connection without a word',
      'malformed bytes before CONNACK end the connection without a word',
      'malformed packets and protocol errors end the connection, after CONNACK with their code',
    ],
  },
  '§1.5.4': { tests: ['control characters in a received string are kept'] },
}
