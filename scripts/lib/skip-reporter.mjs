// A reporter for node:test that writes the skipped tests of all test processes as one JSON array.
// A skipped suite counts as one, under its own name.

/** @param {AsyncIterable<{ type: string, data: any }>} source */
export default async function* skipReporter(source) {
  const tests = []
  for await (const { type, data } of source) {
    if (type !== 'test:pass' && type !== 'test:fail') continue
    const mark = data.skip ?? data.todo
    if (mark === undefined || mark === false) continue
    const word = data.skip === undefined ? 'to do' : 'skipped'
    tests.push({
      name: data.name,
      reason: typeof mark === 'string' ? mark : `${word}, no reason given`,
    })
  }
  yield JSON.stringify(tests)
}
