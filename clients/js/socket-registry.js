// Keeps a page up to date: the server says `update`, the page fetches again.
// No dependency; the types are in socket-registry.d.ts, the use in README.md.

/** The close codes that mean the same everywhere. After these a client must not come back. */
const END_REASONS = { 4001: 'logged-out', 4002: 'taken-over', 4003: 'token-expired', 4004: 'evicted' };
/** The server has closed on purpose, a ban say: a page that comes back would undo that. */
const isOfApplication = code => 4000 <= code && code <= 4999;

const DEFAULTS = {
  minDelay: 1_000,
  maxDelay: 30_000,
  connectTimeout: 10_000,
  fetchTimeout: 30_000,
  fallbackAfter: 3,
  probeEvery: 300_000,
  isFinal: isOfApplication,
};
/** A connection that lasted so long shows that all is well again: the back-off begins anew. */
const STABLE_AFTER = 5_000;

/** Opens the connection, and keeps it open until `close()` or until the server ends it. */
export function connect(url, options = {}) {
  const settings = { ...DEFAULTS, ...options };
  const refetch = coalesced(options.refetch ?? (() => {}), settings);
  const back = [];
  let state = 'connecting';
  let link = null; // the current connection, or the attempt at one
  let probe = null; // an attempt at a WebSocket while the event stream is open
  let failures = 0;
  let probes = 0;
  let fetched = false;
  let timer; // the next attempt, or the next probe

  function setState(next, detail = {}) {
    state = next;
    options.onState?.(next, detail);
  }

  function start(kind) {
    const mine = { kind, openedAt: null, silentAfter: null };
    const handlers = {
      open: () => opened(mine),
      text: text => heard(mine, text),
      lost: (code, text) => lost(mine, code, text),
    };
    mine.disconnect = kind === 'websocket'
      ? openWebSocket(resolve(url), options.protocols, handlers)
      : openEvents(resolve(options.events), handlers);
    mine.timer = setTimeout(() => lost(mine), settings.connectTimeout);
    return mine;
  }

  function attempt() {
    clearTimeout(timer);
    // WebSockets failed often: every second attempt is an event stream.
    const beyond = failures - settings.fallbackAfter;
    const kind = options.events && beyond >= 0 && beyond % 2 === 0 ? 'events' : 'websocket';
    setState('connecting', { transport: kind });
    link = start(kind);
  }

  function opened(mine) {
    clearTimeout(mine.timer);
    mine.openedAt = Date.now();
    if (mine === probe) {
      drop(link);
      [link, probe] = [probe, null];
    }
    if (mine.kind === 'events') probeLater();
    setState('open', { transport: mine.kind });
    request('open');
  }

  /** Soon at first: perhaps the server was only away. */
  function probeLater() {
    const delay = backOff(probes, settings.minDelay, settings.probeEvery);
    probes += 1;
    timer = setTimeout(() => { probe = start('websocket'); }, delay);
  }

  function heard(mine, text) {
    const interval = pingInterval(text);
    // Only a server that has sent one ping owes another: an older one may be silent.
    if (interval !== null) mine.silentAfter = settings.silentAfter ?? 2 * interval + settings.connectTimeout;
    if (mine.silentAfter !== null) {
      clearTimeout(mine.timer);
      mine.timer = setTimeout(() => lost(mine), mine.silentAfter);
    }
    if (text === 'update') request('update');
    else if (interval === null) options.onMessage?.(text);
  }

  function lost(mine, code, text = '') {
    drop(mine);
    if (mine === probe) {
      probe = null;
      probeLater();
      return;
    }
    drop(probe);
    link = probe = null;
    if (END_REASONS[code] || (code !== undefined && settings.isFinal(code))) {
      close();
      options.onEnd?.({ reason: END_REASONS[code] ?? 'dismissed', code, text });
      return;
    }
    const wasStable = mine.openedAt !== null && Date.now() - mine.openedAt >= STABLE_AFTER;
    failures = wasStable ? 0 : failures + 1;
    if (wasStable && mine.kind === 'websocket') probes = 0;
    const delay = backOff(failures, settings.minDelay, settings.maxDelay);
    clearTimeout(timer);
    timer = setTimeout(attempt, delay);
    setState('waiting', { code, delay });
    // Where no connection is to be had, the page shows at least what there is now.
    if (!fetched) request('unreachable');
  }

  function request(reason) {
    fetched = true;
    refetch.request(reason);
  }

  /** The page is looked at again, or the network is back: what it shows may be old. */
  function wake(reason) {
    if (state === 'ended') return;
    if (link === null) attempt();
    request(reason);
  }

  /** A page with an open connection is not kept for the back button. */
  function suspend() {
    if (state === 'ended') return;
    release();
    setState('waiting');
  }

  function release() {
    clearTimeout(timer);
    drop(link);
    drop(probe);
    link = probe = null;
  }

  function close() {
    if (state === 'ended') return;
    release();
    refetch.stop();
    for (const remove of back) remove();
    setState('ended');
  }

  function listen(target, event, handler) {
    target?.addEventListener?.(event, handler);
    back.push(() => target?.removeEventListener?.(event, handler));
  }
  const { document } = globalThis;
  listen(document, 'visibilitychange', () => { if (!document.hidden) wake('visible'); });
  listen(globalThis, 'pagehide', suspend);
  listen(globalThis, 'pageshow', event => { if (event.persisted) wake('restored'); });
  listen(globalThis, 'online', () => wake('online'));
  attempt();

  return { close, get state() { return state; }, get transport() { return state === 'open' ? link.kind : null; } };
}

function openWebSocket(url, protocols, { open, text, lost }) {
  const address = new URL(url, globalThis.location?.href);
  address.protocol = address.protocol.replace(/^http/, 'ws');
  const socket = new WebSocket(address.href, resolve(protocols) ?? []);
  socket.onopen = open;
  socket.onmessage = event => text(event.data);
  socket.onclose = event => lost(event.code, event.reason);
  return () => {
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close();
  };
}

function openEvents(url, { open, text, lost }) {
  const source = new EventSource(url);
  source.onopen = open;
  source.onmessage = event => text(event.data);
  // It would come back by rules of its own, all clients at the same time.
  source.onerror = () => lost();
  source.addEventListener('update', () => text('update'));
  source.addEventListener('ping', event => text(`{"ping":${event.data}}`));
  source.addEventListener('dismissed', event => lost(Number.parseInt(event.data, 10), event.data.slice(5)));
  return () => {
    source.onopen = source.onmessage = source.onerror = null;
    source.close();
  };
}

/** Never two fetches at the same time; what comes while one runs is covered by one more. */
function coalesced(callback, settings) {
  let running = null;
  let waiting = null; // the first reason that no fetch covers yet, and when it came
  let failures = 0;
  let retry;
  let stopped = false;

  async function run() {
    while (waiting && !stopped) {
      clearTimeout(retry);
      const cause = waiting;
      waiting = null;
      running = new AbortController();
      try {
        await within(settings.fetchTimeout, running, callback({ ...cause, signal: running.signal }));
        failures = 0;
      } catch {
        failures += 1;
        // The retry covers what came meanwhile, too: a server in trouble must not be asked in a loop.
        waiting = null;
        retry = setTimeout(request, backOff(failures, settings.minDelay, settings.maxDelay), 'retry');
      }
    }
    running = null;
  }

  function request(reason) {
    waiting ??= { reason, since: performance.now() };
    if (!running) run();
  }

  function stop() {
    stopped = true;
    clearTimeout(retry);
    running?.abort();
  }

  return { request, stop };
}

/** The promise's result; if the time is up first, aborts it and fails. */
function within(milliseconds, controller, promise) {
  return new Promise((succeed, fail) => {
    const timer = setTimeout(() => controller.abort(), milliseconds);
    controller.signal.addEventListener('abort', () => fail(controller.signal.reason));
    Promise.resolve(promise).then(succeed, fail).finally(() => clearTimeout(timer));
  });
}

/** Full jitter: anything up to the bound, so that clients who were cut off together do not return together. */
function backOff(failures, minDelay, maxDelay) {
  return Math.random() * Math.min(maxDelay, minDelay * 2 ** failures);
}

/**
 * The milliseconds of `{"ping":SECONDS}`, the heartbeat that a page can see: a WebSocket's own ping is hidden from it. Null for
 * any other message.
 */
function pingInterval(text) {
  const seconds = /^\{"ping":([\d.]+)\}$/.exec(text)?.[1];
  return seconds === undefined ? null : 1_000 * Number(seconds);
}

function drop(link) {
  clearTimeout(link?.timer);
  link?.disconnect();
}

const resolve = value => (typeof value === 'function' ? value() : value);
