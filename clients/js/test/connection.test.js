// When it connects, comes back, and does not.
import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';

import { connect } from '../socket-registry.js';
import { browser, fetcher, opened, settled } from './browser.js';

let b;
beforeEach(() => { b = browser(); });

test('a path becomes a WebSocket on the host of the page', () => {
  connect('/ws?id=ann');
  assert.equal(b.socket.url, 'wss://host.example/ws?id=ann');
  connect('http://other.example/ws');
  assert.equal(b.socket.url, 'ws://other.example/ws');
});

test('the address and the subprotocols are asked for before each attempt', () => {
  let token = 0;
  connect(() => `/ws?n=${token}`, { protocols: () => ['bearer', `token-${token += 1}`] });
  b.socket.end();
  b.passDelay();
  assert.deepEqual(b.sockets.map(({ url }) => url), ['wss://host.example/ws?n=0', 'wss://host.example/ws?n=1']);
  assert.deepEqual(b.sockets.map(({ protocols }) => protocols[1]), ['token-1', 'token-2']);
});

test('it comes back later and later, up to a bound', async () => {
  const { states } = await opened(b);
  for (let attempt = 0; attempt < 7; attempt += 1) {
    b.socket.end();
    b.passDelay();
  }
  const delays = states.filter(({ state }) => state === 'waiting').map(({ delay }) => delay);
  assert.deepEqual(delays, [2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000]);
  assert.equal(b.sockets.length, 8);
});

test('the delay is anything from nothing to its bound', async () => {
  const { states } = await opened(b);
  for (const chance of [0, 0.25]) {
    b.chance(chance);
    b.socket.end();
    b.passDelay();
  }
  assert.deepEqual(states.filter(({ state }) => state === 'waiting').map(({ delay }) => delay), [0, 1_000]);
});

test('a connection that lasted begins the back-off anew, a short one does not', async () => {
  const { states } = await opened(b);
  for (const lasted of [0, 4_999, 5_000, 0]) {
    b.socket.open();
    b.pass(lasted);
    b.socket.end(1001);
    b.passDelay();
  }
  const delays = states.filter(({ state }) => state === 'waiting').map(({ delay }) => delay);
  assert.deepEqual(delays, [2_000, 4_000, 1_000, 2_000]);
});

test('an attempt that is not answered is given up', async () => {
  connect('/ws');
  b.pass(9_999);
  assert.equal(b.socket.isClosed, false);
  b.pass(1);
  assert.equal(b.socket.isClosed, true);
  b.pass(2_000);
  assert.equal(b.sockets.length, 2);
});

for (const [code, reason] of [[4001, 'logged-out'], [4002, 'taken-over'], [4003, 'token-expired'], [4004, 'evicted']]) {
  test(`after ${code} it does not come back, and says that it is ${reason}`, async () => {
    const { connection, ends, states, fetches } = await opened(b);
    b.socket.end(code, 'so it is');
    assert.deepEqual(ends, [{ reason, code, text: 'so it is' }]);
    assert.equal(states.at(-1).state, 'ended');
    b.look(true);
    b.page.emit('pageshow', { persisted: true });
    b.page.emit('online');
    b.pass(3_600_000);
    await settled();
    assert.equal(b.sockets.length, 1);
    assert.equal(connection.state, 'ended');
    assert.deepEqual(fetches.reasons, ['open']);
  });
}

test('after a code of the application it does not come back either, and says which one it was', async () => {
  for (const code of [4000, 4005, 4123, 4999]) {
    b = browser();
    const { connection, ends } = await opened(b);
    b.socket.end(code, 'banned');
    b.pass(3_600_000);
    assert.equal(b.sockets.length, 1, `${code}`);
    assert.equal(connection.state, 'ended');
    assert.deepEqual(ends, [{ reason: 'dismissed', code, text: 'banned' }]);
  }
});

test('the application decides about its codes and those of the protocol, not about those of the library', async () => {
  const asked = [];
  const isFinal = code => { asked.push(code); return code === 1008; };
  for (const [code, sockets] of [[4123, 2], [1008, 1], [1001, 2], [4001, 1], [4002, 1], [4003, 1], [4004, 1]]) {
    b = browser();
    const { states } = await opened(b, { isFinal });
    b.socket.end(code);
    if (sockets === 2) assert.equal(states.at(-1).delay, 2_000, 'with back-off');
    b.pass(2_000);
    assert.equal(b.sockets.length, sockets, `${code}`);
  }
  assert.deepEqual(asked, [4123, 1008, 1001]);
});

test('after any other code it comes back', async () => {
  for (const code of [1000, 1001, 1006, 1008, 1011, 3999, 5000]) {
    b = browser();
    const { ends } = await opened(b);
    b.socket.end(code);
    b.passDelay();
    assert.equal(b.sockets.length, 2, `${code}`);
    assert.deepEqual(ends, []);
  }
});

test('a server that has sent a ping must not fall silent', async () => {
  const { fetches, states } = await opened(b);
  b.socket.say('{"ping":45}');
  b.pass(99_999);
  b.socket.say('{"ping":45}');
  b.pass(99_999);
  b.socket.say('update');
  b.pass(99_999);
  assert.equal(b.socket.isClosed, false);
  b.pass(1);
  assert.equal(b.socket.isClosed, true);
  assert.equal(states.at(-1).state, 'waiting');
  b.pass(1_000);
  assert.equal(b.sockets.length, 2);
  assert.deepEqual(fetches.reasons, ['open', 'update']);
});

test('the ping says how long the silence may be, unless the page does', async () => {
  for (const [ping, options, silence] of [['{"ping":1}', {}, 12_000], ['{"ping":0.5}', {}, 11_000], ['{"ping":45}', { silentAfter: 50_000 }, 50_000]]) {
    b = browser();
    await opened(b, options);
    b.socket.say(ping);
    b.pass(silence - 1);
    assert.equal(b.socket.isClosed, false, ping);
    b.pass(1);
    assert.equal(b.socket.isClosed, true, ping);
  }
});

test('a server that sends no pings may be silent', async () => {
  await opened(b);
  b.socket.say('update');
  b.pass(24 * 3_600_000);
  assert.equal(b.sockets.length, 1);
  assert.equal(b.socket.isClosed, false);
});

test('other messages go to the page, or nowhere', async () => {
  const heard = [];
  const { fetches } = await opened(b, { onMessage: text => heard.push(text) });
  for (const text of ['{"ping":1}', '{"ping":{}}', 'Update', '{"count":3}', 'update!']) b.socket.say(text);
  assert.deepEqual(heard, ['{"ping":{}}', 'Update', '{"count":3}', 'update!']);
  assert.deepEqual(fetches.reasons, ['open']);
  connect('/ws');
  b.socket.say('{"count":3}');
});

for (const [what, event] of [['visible', () => b.look(true)], ['online', () => b.page.emit('online')]]) {
  test(`${what} during the back-off: it comes back immediately`, async () => {
    const { fetches } = await opened(b);
    b.socket.end();
    event();
    assert.equal(b.sockets.length, 2);
    b.pass(2_000);
    assert.equal(b.sockets.length, 2, 'the delay of before was forgotten');
    assert.deepEqual(fetches.reasons, ['open', what]);
    b.socket.open();
    await fetches.succeed();
    assert.deepEqual(fetches.reasons, ['open', what, 'open']);
  });
}

test('a page that is put away has no connection, and gets one when it is restored', async () => {
  const { fetches, connection } = await opened(b);
  b.page.emit('pagehide', { persisted: true });
  assert.equal(b.socket.isClosed, true);
  b.pass(3_600_000);
  assert.equal(b.sockets.length, 1);
  b.page.emit('pageshow', { persisted: false }); // of the first load
  assert.equal(b.sockets.length, 1);
  b.page.emit('pageshow', { persisted: true });
  b.look(true);
  assert.equal(b.sockets.length, 2);
  b.socket.open();
  assert.equal(connection.state, 'open');
  await fetches.succeed();
  assert.deepEqual(fetches.reasons, ['open', 'restored', 'visible']);
});

test('close: nothing is open, listens, runs or is called afterwards', async () => {
  const { connection, fetches, states, ends } = await opened(b);
  b.socket.say('update');
  b.socket.say('update');
  const { signal } = fetches.calls.at(-1);
  const { socket } = b;
  connection.close();
  connection.close();
  assert.equal(socket.isClosed, true);
  assert.equal(signal.aborted, true);
  assert.equal(b.page.listenerCount + b.document.listenerCount, 0);
  socket.say('update');
  socket.end(4001);
  await settled();
  b.pass(3_600_000);
  assert.equal(b.sockets.length, 1);
  assert.deepEqual(fetches.reasons, ['open', 'update']);
  assert.deepEqual(ends, []);
  assert.deepEqual(states.map(({ state }) => state), ['connecting', 'open', 'ended']);
});

test('close during the back-off', async () => {
  const { connection } = await opened(b);
  b.socket.end();
  connection.close();
  b.pass(3_600_000);
  assert.equal(b.sockets.length, 1);
});

test('the state and the transport are told', async () => {
  const { connection, states } = await opened(b);
  assert.deepEqual([connection.state, connection.transport], ['open', 'websocket']);
  b.socket.end(1001);
  assert.deepEqual([connection.state, connection.transport], ['waiting', null]);
  b.pass(2_000);
  assert.deepEqual(states, [
    { state: 'connecting', transport: 'websocket' },
    { state: 'open', transport: 'websocket' },
    { state: 'waiting', code: 1001, delay: 2_000 },
    { state: 'connecting', transport: 'websocket' },
  ]);
});
