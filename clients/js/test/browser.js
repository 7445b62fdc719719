// A browser that does what a test says: sockets, event streams, the page's events, a clock and chance.
import { connect } from '../socket-registry.js';

/** Time that passes when the test says so. */
class Clock {
  now = 1_000_000;
  timers = new Map();
  lastId = 0;

  setTimeout(callback, delay, ...values) {
    this.lastId += 1;
    this.timers.set(this.lastId, { at: this.now + delay, run: () => callback(...values) });
    return this.lastId;
  }

  pass(milliseconds) {
    const end = this.now + milliseconds;
    while (this.runNext(end));
    this.now = end;
  }

  /** Whether there was a timer due by then. */
  runNext(end) {
    const [next] = [...this.timers].filter(([, { at }]) => at <= end).sort(([, a], [, b]) => a.at - b.at);
    if (!next) return false;
    const [id, { at, run }] = next;
    this.timers.delete(id);
    this.now = at;
    run();
    return true;
  }
}

class Target {
  listeners = new Map();

  addEventListener(name, listener) {
    this.listeners.set(name, [...(this.listeners.get(name) ?? []), listener]);
  }

  removeEventListener(name, listener) {
    this.listeners.set(name, this.listeners.get(name).filter(other => other !== listener));
  }

  emit(name, event = {}) {
    for (const listener of this.listeners.get(name) ?? []) listener(event);
  }

  get listenerCount() {
    return [...this.listeners.values()].flat().length;
  }
}

class FakeWebSocket {
  static all = [];
  isClosed = false;

  constructor(url, protocols) {
    Object.assign(this, { url, protocols });
    FakeWebSocket.all.push(this);
  }

  close() { this.isClosed = true; }
  open() { this.onopen?.({}); }
  say(data) { this.onmessage?.({ data }); }
  end(code = 1006, reason = '') { this.onclose?.({ code, reason }); }
}

class FakeEventSource extends Target {
  static all = [];
  isClosed = false;

  constructor(url) {
    super();
    this.url = url;
    FakeEventSource.all.push(this);
  }

  close() { this.isClosed = true; }
  open() { this.onopen?.({}); }
  fail() { this.onerror?.({}); }
}

/** Fresh for each test. Chance is 1 unless the test says otherwise: each delay is the longest. */
export function browser() {
  const clock = new Clock();
  FakeWebSocket.all = [];
  FakeEventSource.all = [];
  const [page, document] = [new Target(), Object.assign(new Target(), { hidden: false })];
  Object.assign(globalThis, {
    WebSocket: FakeWebSocket,
    EventSource: FakeEventSource,
    document,
    location: new URL('https://host.example/page?x=1'),
    addEventListener: page.addEventListener.bind(page),
    removeEventListener: page.removeEventListener.bind(page),
    setTimeout: clock.setTimeout.bind(clock),
    clearTimeout: id => clock.timers.delete(id),
  });
  Date.now = () => clock.now;
  Math.random = () => 1;
  return {
    page,
    document,
    chance: value => { Math.random = () => value; },
    sockets: FakeWebSocket.all,
    streams: FakeEventSource.all,
    get socket() { return FakeWebSocket.all.at(-1); },
    get stream() { return FakeEventSource.all.at(-1); },
    pass: milliseconds => clock.pass(milliseconds),
    /** Until the next attempt begins. */
    passDelay() {
      const attempts = () => FakeWebSocket.all.length + FakeEventSource.all.length;
      const before = attempts();
      while (attempts() === before && clock.runNext(clock.now + 60_000));
    },
    look(visible) {
      document.hidden = !visible;
      document.emit('visibilitychange');
    },
  };
}

/** Lets promises that are settled have their effect. */
export const settled = () => new Promise(resolve => { setImmediate(resolve); });

/** A refetch that takes until the test says so. */
export function fetcher() {
  const calls = [];
  const refetch = cause => new Promise((resolve, reject) => calls.push({ ...cause, resolve, reject }));
  return {
    refetch,
    calls,
    get reasons() { return calls.map(({ reason }) => reason); },
    async succeed() {
      calls.at(-1).resolve();
      await settled();
    },
    async fail() {
      calls.at(-1).reject(new Error('status 500'));
      await settled();
    },
  };
}

/** A connection that is open and whose first fetch is done. */
export async function opened(b, options = {}) {
  const fetches = fetcher();
  const states = [];
  const ends = [];
  const connection = connect('/ws?id=ann', {
    refetch: fetches.refetch,
    onState: (state, detail) => states.push({ state, ...detail }),
    onEnd: end => ends.push(end),
    ...options,
  });
  b.socket.open();
  await fetches.succeed();
  return { connection, fetches, states, ends };
}
