// A reporter of node:test that writes down what the matrix saw of its servers, as JSON. Tests say it in
// diagnostics; see test/interop/findings.ts.

/** @param {AsyncIterable<{ type: string, data: { message?: string } }>} source */
export default async function* findings(source) {
  const found = []
  for await (const { type, data } of source) {
    if (type !== 'test:diagnostic' || !data.message?.startsWith('finding ')) continue
    found.push(JSON.parse(data.message.slice('finding '.length)))
  }
  yield JSON.stringify(found)
}
