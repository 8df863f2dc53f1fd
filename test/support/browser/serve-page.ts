// The page of outbox-page.ts, bundled, on a server of this machine, which makes it one that a browser trusts.

import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { build } from 'esbuild'

const ENTRY = 'test/support/browser/outbox-page.ts'

/** Where the page is. */
export interface PageServer {
  /** With a slash at its end; what follows it does not matter. */
  readonly url: string
  close(): Promise<void>
}

/** Serves it. */
export async function servePage(): Promise<PageServer> {
  const { outputFiles } = await build({
    entryPoints: [ENTRY],
    bundle: true,
    write: false,
    format: 'iife',
    platform: 'browser',
    target: 'es2022',
    logLevel: 'silent',
  })
  const script = outputFiles[0]!.text
  const server = createServer((request, response) => {
    const isScript = request.url === '/page.js'
    response.setHeader('content-type', isScript ? 'text/javascript' : 'text/html')
    response.end(isScript ? script : '<!doctype html><script src="/page.js"></script>')
  })
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    close: () =>
      new Promise((closed) => {
        server.close(() => closed())
        server.closeAllConnections()
      }),
  }
}
