// Starts the server, a proxy and the browser, and keeps what the pages complain about.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

import { chromium } from 'playwright-core';

const root = fileURLToPath(new URL('../../../../', import.meta.url));
const screenshots = `${root}target/browser/`;
mkdirSync(screenshots, { recursive: true });

/** What an update may take; the page promises "immediately". */
export const SOON = 1000;

export class Server {
  static async start(listen = '127.0.0.1:0', options = []) {
    const target = process.env.CARGO_TARGET_DIR ?? `${root}target`;
    const child = spawn(`${target}/debug/demo-server`, ['--listen', listen, ...options], { stdio: ['ignore', 'pipe', 'ignore'] });
    const exited = new Promise((resolve, reject) => { child.on('exit', resolve).on('error', reject); });
    const lines = createInterface({ input: child.stdout });
    const line = await Promise.race([
      new Promise(resolve => { lines.once('line', resolve); }),
      exited.then(code => { throw new Error(`the server exited with ${code}`); }),
    ]);
    return Object.assign(new Server(), { child, exited, url: line.replace('listening on ', '') });
  }

  get address() {
    return new URL(this.url).host;
  }

  async addDevice(id, name) {
    const response = await fetch(`${this.url}/devices?id=${id}`, { method: 'POST', body: JSON.stringify({ name }) });
    assert.equal(response.status, 201);
  }

  async stats() {
    return (await fetch(`${this.url}/stats`)).json();
  }

  async stop() {
    this.child.kill('SIGTERM');
    await this.exited;
  }
}

/** A NATS server on a free port of loopback. */
export class Broker {
  static async start() {
    const child = spawn('nats-server', ['--addr', '127.0.0.1', '--port', '-1'], { stdio: ['ignore', 'ignore', 'pipe'] });
    const exited = new Promise((resolve, reject) => { child.on('exit', resolve).on('error', reject); });
    const port = new Promise(resolve => {
      createInterface({ input: child.stderr }).on('line', line => {
        const found = /client connections on 127\.0\.0\.1:(\d+)/.exec(line);
        if (found) resolve(found[1]);
      });
    });
    const failed = exited.then(code => { throw new Error(`nats-server exited with ${code}`); });
    failed.catch(() => {}); // when it is stopped
    return Object.assign(new Broker(), { child, exited, url: `nats://127.0.0.1:${await Promise.race([port, failed])}` });
  }

  async stop() {
    this.child.kill('SIGTERM');
    await this.exited;
  }
}

/** Between the browser and a server, as networks are: it stops for a while, cuts, and may break WebSockets. */
export class Proxy {
  static async start(server, { breaksWebSockets = false } = {}) {
    const proxy = Object.assign(new Proxy(), { sockets: new Set(), isHeld: false });
    const { hostname, port } = new URL(server.url);
    proxy.listener = net.createServer(client => {
      const upstream = net.connect(Number(port), hostname);
      proxy.join(client, upstream, breaksWebSockets);
      proxy.join(upstream, client);
    });
    await new Promise(resolve => { proxy.listener.listen(0, '127.0.0.1', resolve); });
    return Object.assign(proxy, { url: `http://127.0.0.1:${proxy.listener.address().port}` });
  }

  join(from, to, breaksWebSockets) {
    this.sockets.add(from);
    if (this.isHeld) from.pause();
    from.on('data', data => {
      if (breaksWebSockets && /upgrade: websocket/i.test(data)) from.destroy();
      else to.write(data);
    });
    from.on('error', () => {}); // the other side is closed, too, and that is all there is to do
    from.on('close', () => {
      this.sockets.delete(from);
      to.destroy();
    });
  }

  /** From now on nothing passes, in either direction. */
  hold() {
    this.isHeld = true;
    for (const socket of this.sockets) socket.pause();
  }

  release() {
    this.isHeld = false;
    for (const socket of this.sockets) socket.resume();
  }

  cut() {
    for (const socket of this.sockets) socket.destroy();
  }

  async stop() {
    this.cut();
    await new Promise(resolve => { this.listener.close(resolve); });
  }
}

export class Browser {
  static async start() {
    // Its own sandbox needs rights that a container's root does not have.
    const browser = await chromium.launch({ executablePath: process.env.CHROMIUM, chromiumSandbox: false });
    return Object.assign(new Browser(), { browser, complaints: [] });
  }

  /** Somebody with a browser of their own: nothing is shared with the others. */
  async visitor(options = {}) {
    const context = await this.browser.newContext({ locale: 'en-GB', ...options });
    context.setDefaultTimeout(10_000);
    context.on('page', page => this.listen(page));
    return context;
  }

  /** Opens a tab of that id and waits until it is live. */
  async tab(server, id, context, more = '') {
    const page = await (context ?? await this.visitor()).newPage();
    await page.goto(`${server.url}/?id=${encodeURIComponent(id)}${more}`);
    await state(page, 'Live');
    await page.evaluate(() => { window.neverReloaded = true; });
    return page;
  }

  listen(page) {
    page.on('pageerror', error => this.complaints.push(`${error}`));
    page.on('console', message => {
      if (['error', 'warning'].includes(message.type())) this.complaints.push(message.text());
    });
  }

  /** Fails if a page complained of anything else than that. */
  assertQuiet(except = /(?!)/) {
    const complaints = this.complaints.splice(0).filter(complaint => !except.test(complaint));
    assert.deepEqual(complaints, []);
  }

  async closeTabs() {
    await Promise.all(this.browser.contexts().map(context => context.close()));
  }

  async stop() {
    await this.browser.close();
  }
}

/** The user's row in the list. */
export const tabsOf = (page, user, text) => shows(page.locator(`#online li[data-id="${user}"] .tabs`), text, 10_000);

export const logged = (page, text) => until(async () => {
  assert.match((await page.locator('#log span').allTextContents()).join('\n'), text);
}, 10_000);

/**
 * One window as people have it. Playwright shows all tabs as if each were in front, does not throttle their timers and keeps
 * none for the back button; none of that is so here.
 */
export class Window extends Browser {
  static async start() {
    const profile = await mkdtemp(`${tmpdir()}/chromium-`);
    const flags = ['--headless', '--no-sandbox', '--no-first-run', '--remote-debugging-port=0', `--user-data-dir=${profile}`];
    const child = spawn(process.env.CHROMIUM, flags, { stdio: ['ignore', 'ignore', 'pipe'] });
    const exited = new Promise((resolve, reject) => { child.on('exit', resolve).on('error', reject); });
    const address = new Promise(resolve => {
      createInterface({ input: child.stderr }).on('line', line => {
        const found = /DevTools listening on (.*)/.exec(line);
        if (found) resolve(found[1]);
      });
    });
    const failed = exited.then(code => { throw new Error(`the browser exited with ${code}`); });
    const browser = await chromium.connectOverCDP(await Promise.race([address, failed]), { noDefaults: true });
    const window = Object.assign(new Window(), { browser, complaints: [], child, exited, profile });
    failed.catch(() => {}); // when it is stopped
    const [context] = browser.contexts();
    context.setDefaultTimeout(10_000);
    context.on('page', page => window.listen(page));
    return window;
  }

  async visitor() {
    return this.browser.contexts()[0];
  }

  /** All but the first, which is empty: without any, the window would be closed. */
  async closeTabs() {
    const [context] = this.browser.contexts();
    await Promise.all(context.pages().slice(1).map(page => page.close()));
  }

  async stop() {
    await this.browser.close();
    this.child.kill('SIGTERM');
    await this.exited;
    await rm(this.profile, { recursive: true, maxRetries: 5 });
  }
}

export const state = (page, text) => shows(page.locator('#state'), text, 10_000);

export const count = (page, number) => shows(page.locator('#count'), `${number}`);

/** The names in the list, the newest first. */
export async function devices(page, names) {
  await until(async () => {
    const shown = await page.locator('#devices li span').allTextContents();
    assert.deepEqual(shown, names);
  });
  assert.equal(await page.evaluate(() => window.neverReloaded), true, 'the page was reloaded');
}

/** The names of those who are online. Who has left counts for 2 seconds more. */
export const online = (page, names) => until(async () => {
  assert.deepEqual(await page.locator('#online .name').allTextContents(), names);
}, 10_000);

export const screenshot = (page, name) => page.screenshot({ path: `${screenshots}${name}.png`, fullPage: true });

async function shows(locator, text, within = SOON) {
  await until(async () => assert.equal(await locator.textContent(), text), within);
}

/** Tries until it no longer fails. */
export async function until(attempt, within = SOON) {
  const end = Date.now() + within;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (Date.now() > end) throw error;
      await new Promise(resolve => { setTimeout(resolve, 20); });
    }
  }
}
