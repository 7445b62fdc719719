/** Why a refetch is asked for. */
export type RefetchReason =
  /** A connection was opened: what changed before it was not told. */
  | 'open'
  /** The server said `update`. */
  | 'update'
  /** The tab is visible again. */
  | 'visible'
  /** The page came back from the browser's back/forward cache. */
  | 'restored'
  /** The browser says that the network is back. */
  | 'online'
  /** The first connection failed: the page should show something nevertheless. */
  | 'unreachable'
  /** The last refetch failed. */
  | 'retry';

export interface Refetch {
  reason: RefetchReason;
  /** When the first event came that this refetch covers, as `performance.now()`. */
  since: number;
  /** Aborted by `close()` and after `fetchTimeout`: pass it to `fetch`. */
  signal: AbortSignal;
}

export type State =
  /** An attempt is under way. */
  | 'connecting'
  | 'open'
  /** Until the next attempt. */
  | 'waiting'
  /** For good: by `close()` or by the server. */
  | 'ended';

export type Transport = 'websocket' | 'events';

export interface StateDetail {
  /** With `connecting` and `open`. */
  transport?: Transport;
  /** With `waiting`: the milliseconds until the next attempt; missing while the page is put away. */
  delay?: number;
  /** With `waiting`: the close code of the WebSocket that was lost, if there is one. */
  code?: number;
}

export interface End {
  /** The first four mean 4001 to 4004. For any other final code it is `dismissed`. */
  reason: 'logged-out' | 'taken-over' | 'token-expired' | 'evicted' | 'dismissed';
  code: number;
  /** What the server said about it. */
  text: string;
}

export interface Options {
  /** Fetches what the page shows. Never called while it runs; called once more if something came meanwhile. If it fails, it is retried. */
  refetch?: (cause: Refetch) => unknown;
  /**
   * The path or URL of the same updates as Server-Sent Events: used when WebSockets fail. A function is called for each attempt.
   * Not for a WebSocket that takes over from the user's other connections: it would end the page's own stream as well.
   */
  events?: string | (() => string);
  /** Subprotocols of the WebSocket, such as `['bearer', token]`. A function is called for each attempt. */
  protocols?: string[] | (() => string[]);
  onState?: (state: State, detail: StateDetail) => void;
  /** The server ended it, and to come back without being asked would be wrong. Not called after `close()`. */
  onEnd?: (end: End) => void;
  /**
   * Whether the client stays away after this close code. By default it does after 4000 to 4999,
   * the codes of applications, and comes back after all others. 4001 to 4004 are final in any
   * case, and a connection that breaks without a code is not: for these it is not called.
   */
  isFinal?: (code: number) => boolean;
  /** Messages other than `update` and pings. Without it they are ignored. */
  onMessage?: (text: string) => void;
  /** The delay before attempt n is random, up to `minDelay * 2 ** n` milliseconds. Default 1,000. */
  minDelay?: number;
  /** The bound of that. Default 30,000. */
  maxDelay?: number;
  /** An attempt may take so long, in milliseconds. Default 10,000. */
  connectTimeout?: number;
  /** A refetch may take so long. Default 30,000. */
  fetchTimeout?: number;
  /**
   * A connection that has had a ping, and then nothing for so long, is replaced. Default: twice the time that the ping says, and
   * `connectTimeout`.
   */
  silentAfter?: number;
  /** After so many failures in a row every second attempt is an event stream. Default 3. */
  fallbackAfter?: number;
  /**
   * While an event stream is open, the client tries a WebSocket as well, after longer and longer delays. The longest, in milliseconds.
   * Default 300,000.
   */
  probeEvery?: number;
}

export interface Connection {
  /** Closes the connection for good and aborts the refetch. */
  close(): void;
  readonly state: State;
  /** `null` unless `open`. */
  readonly transport: Transport | null;
}

/** Opens the connection to a path or URL, and keeps it open until `close()` or until the server ends it. A function is called for each attempt. */
export function connect(url: string | (() => string), options?: Options): Connection;
