import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, test } from 'node:test';

import jsQR from 'jsqr';
import { devices as pixels } from 'playwright-core';

import { Browser, SOON, Server, count, devices, logged, online, screenshot, state, tabsOf } from './harness.mjs';

let browser, server;
before(async () => { browser = await Browser.start(); });
beforeEach(async () => { server = await Server.start(); });
afterEach(async () => {
  await browser.closeTabs();
  await server.stop();
  browser.assertQuiet();
});
after(() => browser.stop());

test('the button adds a device to every tab of its id and to no other', async () => {
  const [first, second, other] = [
    await browser.tab(server, 'ann'), await browser.tab(server, 'ann'), await browser.tab(server, 'bob'),
  ];
  await first.getByLabel('Name of the device').fill('Tablet');
  await first.getByRole('button', { name: 'Add it' }).click();
  await devices(first, ['Tablet']);
  await devices(second, ['Tablet']);
  await other.getByRole('button', { name: 'Add it' }).click();
  await devices(other, ['Phone']);
  await devices(first, ['Tablet']);
  await devices(second, ['Tablet']);
});

test('“Notify” reaches every tab of that user, which say how long it took', async () => {
  const [ann, second, bob] = [
    await browser.tab(server, 'ann'), await browser.tab(server, 'ann'), await browser.tab(server, 'bob'),
  ];
  await ann.getByRole('button', { name: 'Notify bob' }).click();
  await devices(bob, ['Added by ann']);
  await logged(ann, /Marked 1 open tab of bob/);
  await logged(bob, /Update, .*\sms after the mark/);
  await devices(ann, []);
  assert.equal(await ann.locator('#latency').textContent(), '–');

  await bob.getByRole('button', { name: 'Notify ann' }).click();
  await logged(bob, /Marked 2 open tabs of ann/);
  for (const page of [ann, second]) {
    await devices(page, ['Added by bob']);
    const latency = await page.locator('#latency').textContent();
    assert.match(latency, /^(< )?[\d.]+\sms$/);
    // A wrong unit, clock or device would be off by far more.
    const milliseconds = Number.parseFloat(latency.replace('< ', ''));
    assert.ok(milliseconds > 0 && milliseconds < SOON, latency);
  }
});

test('“Open as bob” opens a window of another user', async () => {
  const ann = await browser.tab(server, 'ann');
  const popup = ann.context().waitForEvent('page');
  await ann.getByRole('button', { name: 'Open as bob in a second window' }).click();
  const bob = await popup;
  await state(bob, 'Live');
  await online(ann, ['ann (you)', 'bob']);
  await bob.getByRole('button', { name: 'Open as ann in a second window' }).waitFor();
});

test('a phone that opens the QR code is added to every tab of its id', async () => {
  const [first, second, other] = [
    await browser.tab(server, 'ann'), await browser.tab(server, 'ann'), await browser.tab(server, 'bob'),
  ];
  await first.getByLabel('Name of the device').fill('Fold & "flip" <5>');
  const phone = await browser.visitor(pixels['Pixel 7']);
  const opened = await phone.newPage();
  await opened.goto(await scanned(first, /name=Fold/));
  await opened.getByText('Add Fold & "flip" <5> to the devices of ann?').waitFor();
  await screenshot(opened, 'asked-on-a-phone');
  await opened.getByRole('button', { name: 'Add this device' }).click();
  await devices(first, ['Fold & "flip" <5>']);
  await devices(second, ['Fold & "flip" <5>']);
  await devices(other, []);
  await opened.getByRole('heading', { name: 'Device added' }).waitFor();
  await opened.getByText('Fold & "flip" <5> now belongs to ann').waitFor();
  await screenshot(opened, 'onboarded-on-a-phone');
});

/** What a camera reads from the picture, once that leads where it should. */
async function scanned(page, expected) {
  const link = page.getByRole('link', { name: /QR code/ });
  await page.waitForFunction(pattern => new RegExp(pattern).test(document.querySelector('#link').href), expected.source);
  const picture = await link.getByRole('img').evaluate(async image => {
    await image.decode();
    const canvas = Object.assign(document.createElement('canvas'), { width: 480, height: 480 });
    const context = canvas.getContext('2d');
    context.drawImage(image, 0, 0, 480, 480);
    return [...context.getImageData(0, 0, 480, 480).data];
  });
  const read = jsQR(new Uint8ClampedArray(picture), 480, 480)?.data;
  const [path, query] = (await link.getAttribute('href')).split('?');
  assert.equal(read?.split('?')[0], server.url + path);
  assert.deepEqual([...new URL(read).searchParams], [...new URLSearchParams(query)]);
  return read;
}

test('the count follows tabs that open and close', async () => {
  const first = await browser.tab(server, 'ann');
  await count(first, 1);
  const second = await browser.tab(server, 'ann');
  const third = await browser.tab(server, 'bob');
  for (const page of [first, second, third]) await count(page, 3);
  await tabsOf(third, 'ann', '2 open tabs');
  await second.close();
  for (const page of [first, third]) await count(page, 2);
  await tabsOf(third, 'ann', '1 open tab');
  await third.context().close();
  await count(first, 1);
});

test('who is online is shown in every tab, and a reload is not an absence', async () => {
  const ann = await browser.tab(server, 'ann');
  await online(ann, ['ann (you)']);
  await ann.getByText('1 user', { exact: true }).waitFor();
  const bob = await browser.tab(server, 'bob & co');
  await online(ann, ['ann (you)', 'bob & co']);
  await online(bob, ['ann', 'bob & co (you)']);
  await ann.getByText('2 users', { exact: true }).waitFor();

  // Whatever the list of the other tab ever was from here on.
  await ann.evaluate(() => {
    window.lists = [];
    const list = document.querySelector('#online');
    new MutationObserver(() => window.lists.push(list.innerText)).observe(list, { childList: true });
  });
  for (let reload = 0; reload < 3; reload++) {
    await bob.reload();
    await online(bob, ['ann', 'bob & co (you)']);
  }
  const lists = new Set(await ann.evaluate(() => window.lists));
  lists.delete('ann (you)\nbob & co');
  assert.deepEqual([...lists], []);
  await bob.context().close();
  await online(ann, ['ann (you)']);
  await ann.getByText('1 user', { exact: true }).waitFor();
});

test('logged out everywhere: every tab of the id says so and waits to be asked', async () => {
  const [first, second] = [await browser.tab(server, 'ann'), await browser.tab(server, 'ann')];
  const other = await browser.tab(server, 'bob');
  await online(other, ['ann', 'bob (you)']);
  await first.getByRole('button', { name: 'Log out everywhere' }).click();
  for (const page of [first, second]) {
    await state(page, 'Logged out');
    await page.getByRole('alert').getByText('You were logged out, here and everywhere else.').waitFor();
    // Nothing else looks as if it worked.
    const left = await page.locator('button, input, a, .figure').evaluateAll(all => all.filter(e => e.checkVisibility()).map(e => e.textContent));
    assert.deepEqual(left, ['Log in again']);
  }
  await screenshot(first, 'logged-out');
  await second.setViewportSize({ width: 390, height: 800 });
  await screenshot(second, 'logged-out-on-a-phone');
  await other.getByText('Live', { exact: true }).waitFor();
  // Longer than the page waits where it does come back by itself.
  await online(other, ['bob (you)']);
  await server.addDevice('ann', 'Meanwhile');
  await count(other, 1);

  await second.getByRole('button', { name: 'Log in again' }).click();
  await state(second, 'Live');
  await devices(second, ['Meanwhile']);
  await online(other, ['ann', 'bob (you)']);
  assert.equal(await second.locator('#notice').isVisible(), false);
  await count(second, 2);
  await state(first, 'Logged out');
});

test('in one tab only: the newest takes over, and the old one can take over in turn', async () => {
  const first = await browser.tab(server, 'ann');
  await first.getByLabel('In one tab only').check();
  await first.getByRole('button', { name: 'Switch' }).click();
  await first.waitForURL(/single=1/);
  await state(first, 'Live');
  await first.evaluate(() => { window.neverReloaded = true; });
  const second = await browser.tab(server, 'ann', undefined, '&single=1');
  await state(first, 'Taken over');
  await first.getByRole('alert').getByText('Another tab has taken over.').waitFor();
  await screenshot(first, 'taken-over');
  await server.addDevice('ann', 'Phone');
  await devices(second, ['Phone']);
  await devices(first, []);

  await first.getByRole('button', { name: 'Use this tab' }).click();
  await state(first, 'Live');
  await state(second, 'Taken over');
  await devices(first, ['Phone']);
  await server.addDevice('ann', 'Watch');
  await devices(first, ['Watch', 'Phone']);
  await devices(second, ['Phone']);
});

test('an id that the server refuses: it says why, and does not go on', async () => {
  const page = await (await browser.visitor()).newPage();
  await page.goto(`${server.url}/?id=${'x'.repeat(300)}`);
  await state(page, 'Refused');
  await page.getByRole('alert').getByText('id is longer than 255 bytes').waitFor();
  assert.equal(await page.getByRole('button').count(), 0);
  browser.assertQuiet(/WebSocket connection to .* failed|status of 400/);
});

test('when the server restarts, the page says so, comes back and shows what changed meanwhile', async () => {
  const page = await browser.tab(server, 'ann');
  await server.addDevice('ann', 'Before');
  await devices(page, ['Before']);

  await server.stop();
  await state(page, 'Reconnecting…');
  await count(page, '–');
  await devices(page, ['Before']);
  await logged(page, /Not connected, the server stops: the next attempt is in/);
  await screenshot(page, 'reconnecting');

  server = await Server.start(server.address);
  await server.addDevice('ann', 'Meanwhile');
  await state(page, 'Live');
  await devices(page, ['Meanwhile']); // the devices of the other process went with it
  await online(page, ['ann (you)']); // this connection has a back-off of its own
  await count(page, 1);
  await server.addDevice('ann', 'After');
  await devices(page, ['After', 'Meanwhile']);
  // The browser itself reports each attempt that failed.
  browser.assertQuiet(/WebSocket connection to .* failed/);
});

test('without a mouse: every control is reached in order, seen, and works', async () => {
  const page = await browser.tab(server, 'ann');
  const names = [];
  await online(page, ['ann (you)']);
  for (let stop = 0; stop < 10; stop++) {
    await page.keyboard.press('Tab');
    const focused = page.locator(':focus');
    names.push(await focused.evaluate(e => e.labels?.[0]?.textContent ?? e.ariaLabel
      ?? (e.role === 'log' ? 'the log' : e.textContent.trim() || e.querySelector('img').alt)));
    const outline = await focused.evaluate(element => getComputedStyle(element).outline);
    assert.match(outline, /solid 3px/, names.at(-1));
  }
  const code = 'QR code: open it on a phone to add the device';
  const single = ' In one tab only: the newest takes over';
  assert.deepEqual(names, [
    'Notify ann', 'Open as bob in a second window', 'Name of the device', 'Add it', 'You are', 'Switch', single, 'Log out everywhere',
    'the log', code,
  ]);

  const popup = page.waitForEvent('popup');
  await page.keyboard.press('Enter'); // on the code
  const asked = await popup;
  await asked.getByRole('button', { name: 'Add this device' }).waitFor();
  await asked.keyboard.press('Tab');
  await asked.keyboard.press('Enter');
  await asked.getByRole('heading', { name: 'Device added' }).waitFor();
  await devices(page, ['Phone']);

  await page.getByLabel('Name of the device').focus();
  await page.keyboard.press('Control+A');
  await page.keyboard.type('Typed');
  await page.keyboard.press('Enter');
  await devices(page, ['Typed', 'Phone']);

  await page.getByLabel('You are').fill('bob & co');
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'Devices of bob & co' }).waitFor();
  await state(page, 'Live');
  await online(page, ['bob & co (you)']); // so that its second socket is open before the tab closes
});

test('everything has a name that is read aloud', async () => {
  const page = await browser.tab(server, 'ann');
  await server.addDevice('ann', 'Phone');
  await devices(page, ['Phone']);
  for (const [role, name] of [
    ['heading', 'Live sockets'], ['region', 'Open tabs'], ['region', 'Last update'], ['region', 'Devices of ann'],
    ['region', 'Add a phone'], ['region', 'Your id'], ['region', 'How it works'], ['log', 'What this page hears'],
    ['button', 'Notify ann'], ['button', 'Open as bob in a second window'],
    ['region', 'Who is online'], ['list', 'Who is online'], ['checkbox', 'In one tab only: the newest takes over'],
    ['button', 'Log out everywhere'],
    ['textbox', 'You are'], ['textbox', 'Name of the device'], ['button', 'Switch'], ['button', 'Add it'],
    ['list', 'Devices of ann'], ['link', /^QR code/], ['img', /^QR code/],
  ]) {
    assert.equal(await page.getByRole(role, { name, exact: true }).count(), 1, `${role} ${name}`);
  }
  const session = await page.context().newCDPSession(page);
  const { nodes } = await session.send('Accessibility.getFullAXTree');
  const spoken = ['button', 'checkbox', 'combobox', 'heading', 'image', 'link', 'list', 'region', 'textbox'];
  const nodesThatSpeak = nodes.filter(node => !node.ignored && spoken.includes(node.role.value));
  assert.ok(nodesThatSpeak.length >= 11, `${nodesThatSpeak.length}`);
  assert.deepEqual(nodesThatSpeak.filter(node => !node.name?.value), []);
  assert.equal(await page.locator('html').getAttribute('lang'), 'en');
});

for (const colorScheme of ['light', 'dark']) {
  for (const [name, width] of [['narrow', 320], ['phone', 390], ['wide', 1200]]) {
    test(`${name} and ${colorScheme}: nothing is cut off, and text can be told from what is behind it`, async () => {
      const context = await browser.visitor({ colorScheme, viewport: { width, height: 800 } });
      const page = await browser.tab(server, 'ann', context);
      const others = ['bob', 'a-name-without-a-space-'.repeat(8), 'Zoë & co'];
      for (const other of others) await browser.tab(server, other);
      await online(page, [others[1], 'ann (you)', 'bob', 'Zoë & co']);
      await server.addDevice('ann', 'Phone');
      await server.addDevice('ann', 'A name without a space '.replaceAll(' ', '').repeat(6));
      await page.getByText('2 devices').waitFor();
      await screenshot(page, `${name}-${colorScheme}`);
      const root = page.locator('html');
      assert.equal(await root.evaluate(html => html.scrollWidth - html.clientWidth), 0, 'the page scrolls sideways');
      const faint = await page.evaluate(faintTexts);
      assert.deepEqual(faint, []);
    });
  }
}

/** In the page: texts whose contrast is under 4.5, the least that WCAG AA allows. */
function faintTexts() {
  const channels = color => color.match(/[\d.]+/g).map(Number);
  const luminance = color => {
    const [red, green, blue] = channels(color).map(value => value / 255)
      .map(value => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4));
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const isSolid = color => (channels(color)[3] ?? 1) > 0;
  const behind = element => {
    const color = getComputedStyle(element).backgroundColor;
    return isSolid(color) ? color : behind(element.parentElement);
  };
  const texts = [...document.body.querySelectorAll('*')].filter(element => element.checkVisibility()
    && (element.matches('input') || [...element.childNodes].some(node => node.nodeType === 3 && node.data.trim())));
  return texts.flatMap(element => {
    const shades = [luminance(getComputedStyle(element).color), luminance(behind(element))].sort((a, b) => b - a);
    const contrast = (shades[0] + 0.05) / (shades[1] + 0.05);
    return contrast < 4.5 ? [`${element.outerHTML}: ${contrast.toFixed(2)}`] : [];
  });
}
