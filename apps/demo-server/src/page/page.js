import { connect } from '/socket-registry.js';

const $ = id => document.getElementById(id);
// Where the server asks for proof, the address has a token, which says who I am and goes with every request.
const token = new URLSearchParams(location.search).get('token');
let single = new URLSearchParams(location.search).get('single') === '1';
const query = values => '?' + new URLSearchParams(token ? { token, ...values } : values);

/** The address says it, else what was used here last, else somebody new. */
function whoAmI() {
  try {
    const claims = token.split('.')[1].replace(/-/g, '+').replace(/_/g, '/');
    return JSON.parse(new TextDecoder().decode(Uint8Array.from(atob(claims), c => c.charCodeAt(0)))).sub;
  } catch { /* no token, or none that can be read: the server says what is wrong with it */ }
  const given = new URLSearchParams(location.search).get('id');
  let id = given;
  try {
    id = given || localStorage.getItem('id');
  } catch { /* storage is switched off: the address still works */ }
  id = id || 'user-' + crypto.getRandomValues(new Uint32Array(1))[0].toString(36);
  try { localStorage.setItem('id', id); } catch { /* as above */ }
  if (!given) history.replaceState(null, '', query(single ? { id, single: 1 } : { id }));
  return id;
}
const id = whoAmI();
const other = id === 'bob' ? 'ann' : 'bob';

// --- The connections ---

/** What the server says when it ends a connection for good. */
const ENDS = {
  'logged-out': { state: 'Logged out', text: 'You were logged out, here and everywhere else.', button: 'Log in again' },
  'taken-over': { state: 'Taken over', text: 'Another tab has taken over. This one is told nothing any more.', button: 'Use this tab' },
  evicted: { state: 'Evicted', text: 'Newer tabs have taken all places. This one is told nothing any more.', button: 'Use this tab' },
  'token-expired': { state: 'Token expired', text: 'Your token has expired. Open this page with a new one.' },
  dismissed: { state: 'Disconnected', text: 'The server has ended this connection.', button: 'Connect again' },
};

let connections = [];
let lastEnd;

function start() {
  const delays = { minDelay: 500, maxDelay: 10_000 };
  connections = [
    connect(`/device-ws${query({ id, pings: 1, ...(single && { single: 1 }) })}`, {
      ...delays,
      events: single ? undefined : `/device-events${query({ id })}`, // a stream cannot take over
      refetch: fetchDevices,
      onState: showState,
      onEnd: end,
    }),
    connect(`/active-users${query({ id, online: 1, pings: 1 })}`, { ...delays, onState: forgetCounts, onMessage: showCounts }),
  ];
}

function end({ reason, text = '' }) {
  lastEnd = reason;
  for (const connection of connections) connection.close();
  const end = ENDS[reason] ?? { state: 'Refused', text };
  log(`${end.state}${text && ENDS[reason] ? `: the server says “${text}”` : ''}`, 'bad');
  setState(end.state);
  $('notice-text').textContent = end.text;
  $('come-back').textContent = end.button ?? '';
  $('come-back').hidden = !end.button;
  setEnded(true);
}

/** Nothing stays on the page that looks as if it still worked. */
function setEnded(isEnded) {
  document.body.classList.toggle('ended', isEnded);
  $('notice').hidden = !isEnded;
}

$('come-back').onclick = () => {
  single ||= lastEnd === 'taken-over'; // takes over in turn
  setEnded(false);
  start();
  $('second').focus(); // the button is gone
};

function setState(text, isLive = false) {
  $('state').textContent = text;
  $('state').classList.toggle('live', isLive);
}

const TRANSPORTS = { websocket: 'a WebSocket', events: 'Server-Sent Events' };
let wasOpen = false;

function showState(state, { transport, delay, code }) {
  if (state === 'open') {
    wasOpen = true;
    setState(transport === 'events' ? 'Live (Server-Sent Events)' : 'Live', true);
    log(`Connected by ${TRANSPORTS[transport]}`);
  } else if (state === 'waiting') {
    setState(wasOpen ? 'Reconnecting…' : 'Connecting…');
    const why = code === 1001 ? 'the server stops' : code ? `code ${code}` : 'nothing is heard';
    if (delay !== undefined) log(`Not connected, ${why}: the next attempt is in ${(delay / 1000).toFixed(1)} s`, 'bad');
  }
}

// --- Open tabs ---

function forgetCounts(state) {
  if (state !== 'open') {
    $('count').textContent = '–';
    showOnline(null);
  }
}

let servers = 1; // each knows how many tabs of a user it has itself, and only whether others have any
let lastOnline = null;

function showCounts(text) {
  const { active_users: count, servers: serverCount = 1, online } = JSON.parse(text);
  if (count !== undefined) {
    $('count').textContent = count;
    $('servers').textContent = serverCount === 1 ? '' : ` on ${serverCount} servers`;
    servers = serverCount;
  }
  showOnline(online ?? lastOnline);
}

const here = () => (servers === 1 ? '' : ' here');
const tabs = count => (count === null ? 'on another server' : count === 0 ? 'has just left'
  : `${count === 1 ? '1 open tab' : `${count} open tabs`}${here()}`);

function showOnline(online) {
  lastOnline = online;
  const { count, ids, sockets } = online ?? { count: 0, ids: [], sockets: [] };
  const more = count - ids.length;
  $('online-total').textContent = !online ? 'Unknown so far.'
    : `${count === 1 ? '1 user' : `${count} users`}${more ? `; ${more} not shown` : ''}`;
  const known = new Map([...$('online').children].map(row => [row.dataset.id, row]));
  const rows = ids.map((name, at) => {
    const row = known.get(name) ?? newRow(name);
    row.querySelector('.tabs').textContent = tabs(sockets[at]);
    return row;
  });
  rows.sort((a, b) => a.dataset.id.localeCompare(b.dataset.id));
  // Rows that stay are not touched: one of their buttons may have the focus.
  for (const [name, row] of known) if (!ids.includes(name)) row.remove();
  rows.forEach((row, at) => {
    if ($('online').children[at] !== row) $('online').insertBefore(row, $('online').children[at] ?? null);
  });
}

function newRow(name) {
  const row = element('li', { className: name === id ? 'me' : '' });
  row.dataset.id = name;
  const text = element('div');
  text.append(element('span', { className: 'name', textContent: name === id ? `${name} (you)` : name }),
    element('span', { className: 'tabs' }));
  row.append(text);
  // A token proves one user.
  if (!token || name === id) {
    const button = element('button', { type: 'button', className: 'second', textContent: 'Notify' });
    button.setAttribute('aria-label', `Notify ${name}`);
    button.onclick = () => addDevice(name, `Added by ${id}`.slice(0, 64));
    row.append(button);
  }
  return row;
}

// --- Devices ---

/** An answer that another attempt would not change. */
class Refused extends Error {}

async function call(path, options) {
  const response = await fetch(path, options);
  const answer = await response.json();
  if ([400, 401, 403].includes(response.status)) throw new Refused(answer.error);
  if (!response.ok) throw new Error(answer.error);
  return { answer, headers: response.headers };
}

const now = () => performance.timeOrigin + performance.now();
const NEWEST = 5;
let newest = 0; // when the newest device was added that was shown
let clocks = []; // how far the server's clock is ahead, from the last fetches

async function fetchDevices({ reason, since, signal }) {
  const asked = now();
  try {
    const { answer: devices, headers } = await call(`/devices${query({ id })}`, { signal });
    compareClocks(asked, Number(headers.get('server-time')));
    const added = devices.filter(({ added_at }) => added_at > newest);
    newest = devices.at(-1)?.added_at ?? 0;
    showDevices(devices, reason === 'open' ? 0 : added.length);
    if (reason === 'update') showLatency(added[0], performance.timeOrigin + since);
    else log(`Fetched the devices: ${REASONS[reason]}`);
    $('problem').textContent = '';
  } catch (error) {
    if (error instanceof Refused) {
      end({ reason: 'refused', text: error.message });
    } else if (document.body.classList.contains('ended')) {
      return;
    } else {
      $('problem').textContent = `Could not fetch the devices: ${error.message}`;
      throw error;
    }
  }
}

const REASONS = {
  open: 'a new connection',
  visible: 'the tab is visible again',
  restored: 'the page was restored',
  online: 'the network is back',
  unreachable: 'no connection yet',
  retry: 'the last attempt failed',
};

/** The answer was made between question and receipt: half of that time is what the comparison can be off by. */
function compareClocks(asked, serverTime) {
  const received = now();
  clocks = [...clocks, { ahead: serverTime - (asked + received) / 2, within: (received - asked) / 2 }].slice(-8);
}

/** From the mark on the server to the message here, by the two clocks. */
function showLatency(device, told) {
  if (!device) {
    log('Update: the last fetch had it already', 'update');
    return;
  }
  const { ahead, within } = clocks.reduce((best, clock) => (clock.within < best.within ? clock : best));
  const latency = Math.max(0, told + ahead - device.added_at);
  const text = latency > within ? milliseconds(latency) : `< ${milliseconds(latency + within)}`;
  const shown = milliseconds(now() - told);
  $('latency').textContent = text;
  $('latency-note').textContent = `Mark to page, ±\u00a0${milliseconds(within)}. Shown ${shown} later.`;
  log(`Update, ${text} after the mark; shown ${shown} later`, 'update');
}

const milliseconds = value => `${value < 10 ? value.toFixed(1) : Math.round(value)}\u00a0ms`;

function showDevices(devices, newCount) {
  const total = devices.length;
  $('total').textContent = total === 0 ? 'None so far. Add one: all tabs show it immediately.'
    : total <= NEWEST ? `${total === 1 ? '1 device' : `${total} devices`}, the newest first`
      : `The newest ${NEWEST} of ${total} devices`;
  $('devices').replaceChildren(...devices.slice(-NEWEST).reverse().map(({ name, added_at }, at) => {
    const item = element('li', { className: at < newCount ? 'new' : '' });
    const time = new Date(added_at);
    item.append(element('span', { className: 'name', textContent: name }),
      element('time', { dateTime: time.toISOString(), textContent: time.toLocaleTimeString() }));
    return item;
  }));
}

async function addDevice(user, name) {
  await act('Could not add the device', async () => {
    const { answer } = await call(`/devices${query({ id: user })}`, { method: 'POST', body: JSON.stringify({ name }) });
    const { sockets_marked: marked, other_servers: count } = answer;
    const others = count === undefined ? '' : `, and those on ${count === 1 ? '1 other server' : `${count} other servers`}`;
    log(`Marked ${marked === 0 ? `no tab${here()}` : tabs(marked)} of ${user}${others}`);
  });
}

async function act(failure, action) {
  try {
    await action();
    $('problem').textContent = '';
  } catch (error) {
    $('problem').textContent = `${failure}: ${error.message}`;
  }
}

// --- The log ---

function log(text, kind = '') {
  const time = new Date();
  const item = element('li', { className: `${kind} new` });
  item.append(element('time', { dateTime: time.toISOString(), textContent: time.toLocaleTimeString('en-GB') }),
    element('span', { textContent: text }));
  $('log').prepend(item);
  if ($('log').children.length > 50) $('log').lastChild.remove();
}

function element(name, properties = {}) {
  return Object.assign(document.createElement(name), properties);
}

// --- The controls ---

$('id').value = id;
$('single').checked = single;
for (const owner of document.querySelectorAll('.owner')) owner.textContent = id;
document.title = `Live sockets – ${id}`;
$('local').hidden = !['localhost', '127.0.0.1', '[::1]'].includes(location.hostname);

$('switch').hidden = $('second').hidden = token !== null;
$('second').textContent = `Open as ${other} in a second window`;
$('second').onclick = () => {
  window.open(query({ id: other }), '_blank', 'popup,noopener,width=480,height=900');
};
$('log-out').onclick = () => act('Could not log out', () => call(`/devices-sockets${query({ id })}`, { method: 'DELETE' }));
$('add').onsubmit = event => {
  event.preventDefault();
  addDevice(id, $('name').value);
};

let typing;
function showCode() {
  const values = query({ id, name: $('name').value || 'Phone' });
  $('link').href = '/onboard' + values;
  $('qr').src = '/qr.svg' + values;
}
$('name').oninput = () => { clearTimeout(typing); typing = setTimeout(showCode, 250); };
showCode();
start();
