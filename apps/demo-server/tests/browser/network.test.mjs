// What happens to pages in life: other tabs, the back button, sleep, networks and servers that come and go.
import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, test } from 'node:test';

import { Proxy, Server, Window, count, devices, logged, online, state, tabsOf, until } from './harness.mjs';

const CONNECTION_FAILED = /WebSocket connection to .* failed|net::ERR_/;

let browser, server, proxy;
before(async () => { browser = await Window.start(); });
beforeEach(async () => { server = await Server.start(); });
afterEach(async () => {
  await browser.closeTabs();
  await proxy?.stop();
  proxy = undefined;
  await server.stop();
  browser.assertQuiet();
});
after(() => browser.stop());

/** Opens another tab in front of it. */
async function hide(page) {
  const front = await page.context().newPage();
  await front.bringToFront();
  await until(async () => assert.equal(await page.evaluate(() => document.hidden), true));
  return front;
}

/** How many of its timers, that should run a hundred times a second, ran in one. */
const ticks = page => page.evaluate(() => new Promise(resolve => {
  let count = 0;
  const start = performance.now();
  const tick = () => {
    count += 1;
    if (performance.now() - start > 1000) resolve(count);
    else setTimeout(tick, 10);
  };
  tick();
}));

test('two tabs of one user and one of another: each is told what it should be', async () => {
  const tabs = [await browser.tab(server, 'ann'), await browser.tab(server, 'ann')];
  const bob = await browser.tab(server, 'bob');
  for (const page of [...tabs, bob]) {
    await tabsOf(page, 'ann', '2 open tabs');
    await count(page, 3);
  }
  await bob.getByRole('button', { name: 'Notify ann' }).click();
  for (const page of tabs) await devices(page, ['Added by bob']);
  await devices(bob, []);
  await tabs[0].close();
  await tabsOf(bob, 'ann', '1 open tab');
  await server.addDevice('ann', 'After');
  await devices(tabs[1], ['After', 'Added by bob']);
});

test('the back button: the page was kept, connects again and shows what changed meanwhile', async () => {
  const page = await browser.tab(server, 'ann');
  await server.addDevice('ann', 'Before');
  await devices(page, ['Before']);
  await page.evaluate(() => { window.onpageshow = ({ persisted }) => { window.wasKept = persisted; }; });

  await page.goto(`${server.url}/healthz`);
  await until(async () => assert.deepEqual(await server.stats(), { active_users: 0, device_ids: 0, device_sockets: 0 }));
  await server.addDevice('ann', 'Meanwhile');
  await page.evaluate(() => { history.back(); });
  await until(async () => assert.match(page.url(), /id=ann/));
  await devices(page, ['Meanwhile', 'Before']);
  assert.equal(await page.evaluate(() => window.wasKept), true, 'the browser has loaded it anew');
  await logged(page, /the page was restored/);
  await state(page, 'Live');
  await server.addDevice('ann', 'After');
  await devices(page, ['After', 'Meanwhile', 'Before']);
  await until(async () => assert.deepEqual(await server.stats(), { active_users: 1, device_ids: 1, device_sockets: 1 }));
});

test('a hidden tab is told all the same, comes back after a restart, and fetches when it is looked at', async () => {
  const page = await browser.tab(server, 'ann');
  const front = await hide(page);
  await server.addDevice('ann', 'Hidden');
  await devices(page, ['Hidden']);

  const throttled = await ticks(page);
  assert.ok(throttled < 10, `${throttled}: its timers are not throttled, and this test shows nothing`);
  await server.stop();
  server = await Server.start(server.address);
  await until(async () => assert.equal((await server.stats()).device_sockets, 1), 20_000);
  await server.addDevice('ann', 'After');
  await devices(page, ['After']);

  assert.equal(await page.evaluate(() => document.hidden), true);
  await front.close();
  await page.bringToFront();
  await logged(page, /the tab is visible again/);
  browser.assertQuiet(CONNECTION_FAILED);
});

test('a tab that slept through updates shows them when it wakes up', async () => {
  const page = await browser.tab(server, 'ann');
  const front = await hide(page);
  const session = await page.context().newCDPSession(page);
  await session.send('Page.setWebLifecycleState', { state: 'frozen' });
  for (const name of ['One', 'Two', 'Three']) await server.addDevice('ann', name);
  await session.send('Page.setWebLifecycleState', { state: 'active' });
  await front.close();
  await page.bringToFront();
  await devices(page, ['Three', 'Two', 'One']);
  await state(page, 'Live');
  browser.assertQuiet(CONNECTION_FAILED); // Chromium closes the WebSockets of a frozen page
});

test('the server restarts three times: the page comes back each time, and fetches', async () => {
  const page = await browser.tab(server, 'ann');
  for (const name of ['One', 'Two', 'Three']) {
    await server.stop();
    server = await Server.start(server.address);
    await server.addDevice('ann', name);
    await until(async () => assert.equal((await server.stats()).device_sockets, 1), 20_000);
    await devices(page, [name]);
    await online(page, ['ann (you)']);
    await state(page, 'Live');
  }
  browser.assertQuiet(CONNECTION_FAILED);
});

test('half a second without a packet: the update comes late, and the connection stays', async () => {
  proxy = await Proxy.start(server);
  const page = await browser.tab(proxy, 'ann');
  await online(page, ['ann (you)']);
  const before = await page.locator('#log li').count();
  proxy.hold();
  await server.addDevice('ann', 'During');
  await page.getByRole('button', { name: 'Notify ann' }).click();
  await page.waitForTimeout(500); // the pause itself
  await devices(page, []);
  proxy.release();
  await devices(page, ['Added by ann', 'During']);
  await state(page, 'Live');
  const log = await page.locator('#log span').allTextContents();
  assert.doesNotMatch(log.slice(0, log.length - before).join('\n'), /connect/i);
});

test('all connections are cut: it comes back, and shows what changed meanwhile', async () => {
  proxy = await Proxy.start(server);
  const page = await browser.tab(proxy, 'ann');
  proxy.cut();
  await server.addDevice('ann', 'Meanwhile');
  await logged(page, /Not connected, code 1006/);
  await devices(page, ['Meanwhile']);
  await state(page, 'Live');
  browser.assertQuiet(CONNECTION_FAILED);
});

test('a proxy breaks WebSockets: updates come as Server-Sent Events, and so does the log-out', async () => {
  proxy = await Proxy.start(server, { breaksWebSockets: true });
  const page = await (await browser.visitor()).newPage();
  await page.goto(`${proxy.url}/?id=ann`);
  await page.evaluate(() => { window.neverReloaded = true; });
  await state(page, 'Live (Server-Sent Events)');
  await server.addDevice('ann', 'Phone');
  await devices(page, ['Phone']);
  await page.getByRole('button', { name: 'Log out everywhere' }).click();
  await state(page, 'Logged out');
  await until(async () => assert.equal((await server.stats()).device_sockets, 0));
  browser.assertQuiet(CONNECTION_FAILED);
});
