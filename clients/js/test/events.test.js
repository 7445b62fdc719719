// Server-Sent Events, where WebSockets fail.
import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';

import { connect } from '../socket-registry.js';
import { browser, fetcher } from './browser.js';

let b;
beforeEach(() => { b = browser(); });

/** WebSockets fail until the event stream is tried. */
function fallenBack(options = {}) {
  const fetches = fetcher();
  const ends = [];
  const connection = connect('/ws', {
    events: '/events', refetch: fetches.refetch, onEnd: end => ends.push(end), ...options,
  });
  for (let attempt = 0; attempt < 3; attempt += 1) {
    assert.equal(b.streams.length, 0);
    b.socket.end();
    b.passDelay();
  }
  assert.equal(b.sockets.length, 3);
  assert.equal(b.streams.length, 1);
  return { connection, fetches, ends };
}

test('after three failures the updates come as Server-Sent Events', async () => {
  const { connection, fetches } = fallenBack();
  await fetches.succeed();
  b.stream.open();
  await fetches.succeed();
  assert.equal(connection.transport, 'events');
  b.stream.emit('update', { data: 'update' });
  await fetches.succeed();
  assert.deepEqual(fetches.reasons, ['unreachable', 'open', 'update']);
});

test('where both fail they take turns', () => {
  fallenBack();
  for (let turn = 0; turn < 2; turn += 1) {
    b.stream.fail();
    assert.equal(b.stream.isClosed, true, 'it would come back by rules of its own');
    b.passDelay();
    assert.equal(b.sockets.length, 4 + turn);
    b.socket.end();
    b.passDelay();
    assert.equal(b.streams.length, 2 + turn);
  }
});

test('without an address for events only WebSockets are tried', () => {
  connect('/ws');
  for (let attempt = 0; attempt < 10; attempt += 1) {
    b.socket.end();
    b.passDelay();
  }
  assert.deepEqual([b.sockets.length, b.streams.length], [11, 0]);
});

test('a stream that dismisses is the end', () => {
  const { ends } = fallenBack();
  b.stream.open();
  b.stream.emit('dismissed', { data: '4002 superseded' });
  assert.deepEqual(ends, [{ reason: 'taken-over', code: 4002, text: 'superseded' }]);
  assert.equal(b.stream.isClosed, true);
  b.pass(3_600_000);
  assert.deepEqual([b.sockets.length, b.streams.length], [3, 1]);
});

test('a stream that dismisses with a code of the application is the end, unless the application says otherwise', () => {
  for (const [options, end] of [[{}, [{ reason: 'dismissed', code: 4123, text: 'banned' }]], [{ isFinal: () => false }, []]]) {
    b = browser();
    const { ends, connection } = fallenBack(options);
    b.stream.open();
    b.stream.emit('dismissed', { data: '4123 banned' });
    assert.deepEqual(ends, end);
    assert.equal(connection.state, end.length ? 'ended' : 'waiting');
  }
});

test('a stream that has sent a ping must not fall silent', () => {
  fallenBack();
  b.stream.open();
  b.stream.emit('ping', { data: '45' });
  b.pass(99_999);
  assert.equal(b.stream.isClosed, false);
  b.pass(1);
  assert.equal(b.stream.isClosed, true);
});

test('beside a stream a WebSocket is tried, and replaces it as soon as it opens', () => {
  const { connection } = fallenBack();
  b.stream.open();
  b.pass(999);
  assert.equal(b.sockets.length, 3);
  b.pass(1);
  assert.equal(b.sockets.length, 4);
  for (const delay of [2_000, 4_000, 8_000, 16_000, 32_000, 64_000, 128_000, 256_000, 300_000, 300_000]) {
    b.socket.end();
    assert.equal(connection.transport, 'events');
    const before = b.sockets.length;
    b.pass(delay - 1);
    assert.equal(b.sockets.length, before, `before ${delay} ms`);
    b.pass(1);
    assert.equal(b.sockets.length, before + 1, `after ${delay} ms`);
  }
  assert.equal(b.stream.isClosed, false);
  const { length } = b.sockets;
  b.socket.open();
  assert.equal(connection.transport, 'websocket');
  assert.equal(b.stream.isClosed, true);
  b.pass(3_600_000);
  assert.equal(b.sockets.length, length);
});

test('a WebSocket that opens but does not last is tried later and later, one that lasted soon again', () => {
  const { connection } = fallenBack();
  b.stream.open();
  b.passDelay();
  b.socket.open();
  b.pass(4_999);
  b.socket.end();
  assert.equal(connection.transport, null);
  while (b.streams.length === 1) {
    b.passDelay();
    b.socket.end();
  }
  b.stream.open();
  b.pass(1_999);
  const { length } = b.sockets;
  b.pass(1);
  assert.equal(b.sockets.length, length + 1);
  b.socket.open();
  b.pass(5_000);
  for (let attempt = 0; attempt < 4; attempt += 1) {
    b.socket.end();
    b.passDelay();
  }
  assert.equal(b.streams.length, 3);
  b.stream.open();
  b.pass(1_000);
  assert.equal(b.sockets.length, length + 5);
});

test('a stream that is lost before a WebSocket is tried beside it: none is', () => {
  fallenBack();
  b.stream.open();
  b.pass(500);
  b.stream.fail();
  b.passDelay();
  b.socket.open();
  b.pass(3_600_000);
  assert.deepEqual([b.sockets.length, b.streams.length], [4, 1]);
});

test('a stream that is lost while a WebSocket is tried beside it: one of them is left', () => {
  const { connection } = fallenBack();
  b.stream.open();
  b.pass(1_000);
  const [beside] = b.sockets.slice(-1);
  b.stream.fail();
  assert.equal(beside.isClosed, true);
  b.passDelay();
  assert.equal(b.sockets.length, 5);
  b.socket.open();
  assert.equal(connection.transport, 'websocket');
  assert.deepEqual([...b.sockets, ...b.streams].filter(({ isClosed }) => !isClosed), [b.socket]);
});
