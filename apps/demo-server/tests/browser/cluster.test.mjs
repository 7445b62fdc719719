// Two servers, one broker, and a page on each.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { after, afterEach, before, beforeEach, test } from 'node:test';

import { Broker, Browser, Server, devices, logged, online, screenshot, state, tabsOf, until } from './harness.mjs';

let browser, broker, folder, a, b;
before(async () => {
  browser = await Browser.start();
  broker = await Broker.start();
});
beforeEach(async () => {
  folder = await mkdtemp(`${tmpdir()}/devices-`);
  const options = ['--cluster', broker.url, '--devices', `${folder}/devices`];
  [a, b] = await Promise.all([1, 2].map(() => Server.start('127.0.0.1:0', options)));
});
afterEach(async () => {
  await browser.closeTabs();
  await Promise.all([a.stop(), b.stop()]);
  await rm(folder, { recursive: true });
  browser.assertQuiet();
});
after(async () => {
  await browser.stop();
  await broker.stop();
});

/** The number of open tabs, which follows those of other servers by their beats; and the servers. */
const counted = (page, tabs, servers) => until(async () => {
  const shown = await page.locator('#count, #servers').allTextContents();
  assert.deepEqual(shown, [`${tabs}`, ` on ${servers} servers`]);
}, 10_000);

test('a page on one server notifies a user on the other, and both show the same numbers', async () => {
  const [ann, bob] = [await browser.tab(a, 'ann'), await browser.tab(b, 'bob')];
  for (const page of [ann, bob]) await counted(page, 2, 2);
  await online(ann, ['ann (you)', 'bob']);
  await online(bob, ['ann', 'bob (you)']);
  await tabsOf(ann, 'ann', '1 open tab here');
  await tabsOf(ann, 'bob', 'on another server');

  await ann.getByRole('button', { name: 'Notify bob' }).click();
  await devices(bob, ['Added by ann']);
  await logged(ann, /Marked no tab here of bob, and those on 1 other server/);
  await logged(bob, /Update, .*\sms after the mark/);
  await bob.getByRole('button', { name: 'Notify ann' }).click();
  await devices(ann, ['Added by bob']);
  await screenshot(ann, 'in-a-cluster');

  const second = await browser.tab(b, 'ann');
  await devices(second, ['Added by bob']);
  for (const page of [ann, bob, second]) await counted(page, 3, 2);
  await second.close();
  await bob.close();
  await counted(ann, 1, 2);
  await online(ann, ['ann (you)']);
});

test('logged out on one server: the tabs on the other say so, too', async () => {
  const [here, there, bob] = [await browser.tab(a, 'ann'), await browser.tab(b, 'ann'), await browser.tab(b, 'bob')];
  await here.getByRole('button', { name: 'Log out everywhere' }).click();
  for (const page of [here, there]) await state(page, 'Logged out');
  await online(bob, ['bob (you)']);
  await state(bob, 'Live');
});

test('in one tab only: a tab on another server takes over, and back', async () => {
  const first = await browser.tab(a, 'ann', undefined, '&single=1');
  const second = await browser.tab(b, 'ann', undefined, '&single=1');
  await state(first, 'Taken over');
  await a.addDevice('ann', 'Phone');
  await devices(second, ['Phone']);
  await first.getByRole('button', { name: 'Use this tab' }).click();
  await state(second, 'Taken over');
  await devices(first, ['Phone']);
});
