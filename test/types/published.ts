// What an application without Node's types imports: the published declarations must stand on their own.
// Compiled by tsconfig.published.json as an application on Node does, and by tsconfig.page.json as a bundler for
// pages does. Both know the DOM, nothing of Node and no library later than ES2022; never run.

import * as root from 'umqtt'
import * as check from 'umqtt/check'
import * as codec from 'umqtt/codec'
import * as engine from 'umqtt/engine'
import * as file from 'umqtt/outbox/file'
import * as inspect from 'umqtt/outbox/inspect'
import * as indexeddb from 'umqtt/outbox/indexeddb'
import * as sqlite from 'umqtt/outbox/sqlite'
import * as portable from 'umqtt/portable'
import * as robust from 'umqtt/robust'
import * as sim from 'umqtt/sim'
import * as simple from 'umqtt/simple'
import * as testing from 'umqtt/testing'

/** Named so that every entry point is resolved and its declarations are checked. */
export const entryPoints: readonly object[] = [
  root,
  simple,
  robust,
  portable,
  file,
  sqlite,
  indexeddb,
  inspect,
  sim,
  testing,
  check,
  codec,
  engine,
]
