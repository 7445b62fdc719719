// When it fetches.
import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';

import { connect } from '../socket-registry.js';
import { browser, fetcher, opened, settled } from './browser.js';

let b;
beforeEach(() => { b = browser(); });

test('it fetches when the connection opens, not before, and at each update', async () => {
  const fetches = fetcher();
  connect('/ws', { refetch: fetches.refetch });
  await settled();
  assert.deepEqual(fetches.reasons, []);
  b.socket.open();
  await fetches.succeed();
  b.socket.say('update');
  await fetches.succeed();
  b.socket.say('update');
  assert.deepEqual(fetches.reasons, ['open', 'update', 'update']);
});

test('updates during a fetch are covered by one more, which says when the first of them came', async t => {
  const { fetches } = await opened(b);
  const now = t.mock.method(performance, 'now', () => 5);
  b.socket.say('update');
  for (const time of [7, 8, 9]) {
    now.mock.mockImplementation(() => time);
    b.socket.say('update');
  }
  assert.deepEqual(fetches.reasons, ['open', 'update']);
  await fetches.succeed();
  assert.deepEqual(fetches.reasons, ['open', 'update', 'update']);
  assert.deepEqual(fetches.calls.slice(1).map(({ since }) => since), [5, 7]);
  await fetches.succeed();
  assert.equal(fetches.calls.length, 3);
});

test('a failed fetch is retried later and later, and an update that came meanwhile does not hurry it', async () => {
  const { fetches } = await opened(b);
  b.socket.say('update');
  b.socket.say('update');
  await fetches.fail();
  for (const delay of [2_000, 4_000, 8_000, 16_000, 30_000, 30_000]) {
    const before = fetches.calls.length;
    b.pass(delay - 1);
    assert.equal(fetches.calls.length, before, `before ${delay} ms`);
    b.pass(1);
    assert.equal(fetches.calls.length, before + 1, `after ${delay} ms`);
    assert.equal(fetches.reasons.at(-1), 'retry');
    await fetches.fail();
  }
  b.pass(30_000);
  await fetches.succeed();
  b.pass(3_600_000);
  assert.equal(fetches.reasons.at(-1), 'retry');
  assert.equal(fetches.calls.length, 9);
});

test('an update during the delay is fetched immediately, and instead of the retry', async () => {
  const { fetches } = await opened(b);
  b.socket.say('update');
  await fetches.fail();
  b.socket.say('update');
  await fetches.succeed();
  b.pass(30_000);
  assert.deepEqual(fetches.reasons, ['open', 'update', 'update']);
  // And the delays begin anew.
  b.socket.say('update');
  await fetches.fail();
  b.pass(2_000);
  assert.equal(fetches.reasons.at(-1), 'retry');
});

test('a fetch that throws is a failed one', async () => {
  let calls = 0;
  connect('/ws', { refetch: () => { calls += 1; throw new Error('synchronously'); } });
  b.socket.open();
  await settled();
  b.pass(2_000);
  assert.equal(calls, 2);
});

test('a fetch that hangs is aborted, and retried', async () => {
  const { fetches } = await opened(b);
  b.socket.say('update');
  const { signal } = fetches.calls.at(-1);
  b.pass(29_999);
  assert.equal(signal.aborted, false);
  b.pass(1);
  assert.equal(signal.aborted, true);
  await settled();
  b.pass(2_000);
  assert.deepEqual(fetches.reasons, ['open', 'update', 'retry']);
  await fetches.succeed();
  b.pass(30_000);
  assert.equal(fetches.calls.at(-1).signal.aborted, false, 'it was in time');
});

test('a page that becomes visible fetches again, one that is hidden does not', async () => {
  const { fetches } = await opened(b);
  b.look(false);
  assert.deepEqual(fetches.reasons, ['open']);
  b.look(true);
  assert.deepEqual(fetches.reasons, ['open', 'visible']);
  assert.equal(b.sockets.length, 1);
});

test('where no connection is to be had, the page is fetched nevertheless, once', async () => {
  const fetches = fetcher();
  connect('/ws', { refetch: fetches.refetch });
  b.socket.end();
  await fetches.succeed();
  b.pass(30_000);
  b.socket.end();
  await settled();
  assert.deepEqual(fetches.reasons, ['unreachable']);
});
