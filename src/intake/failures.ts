import { isIPv4, isIPv6 } from 'node:net';
import type { Clock } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';

/** Where callers have to prove who they are. */
export type Door = 'event' | 'partner-center' | 'question' | 'ops';

export interface FailureParts {
  door: Door;
  clock: Clock;
  log: Log;
  count(): void;
}

/** What is known of those who could not prove who they are. */
export interface Failures {
  /** Counts a failure, and logs the sentence when it is the first for a minute: a flood of them fills no log. */
  note(address: string, sentence: string, facts?: object): void;
  /** How long an address has to wait before its next try is looked at; 0 when it need not. */
  waitMs(address: string): number;
}

const WINDOW_MS = 60_000;
/** Tries of one network in a window. A person mistypes, a program guesses. */
const MOST_OF_ONE = 10;
/** Failures of all networks in a window; above it, one failure is enough for a network to be made to wait, while networks without a failure may still try. */
const MOST_OF_ALL = 100;
const MOST_NETWORKS = 10_000;

/**
 * Creates the memory of failed authentications at a door. It is of one process, of bounded size, and forgotten every minute. An IPv6
 * address counts as its network of 64 bits, which is what a single household is given.
 */
export function createFailures({ door, clock, log, count }: FailureParts): Failures {
  const byNetwork = new Map<string, number>();
  let endsAt = 0;
  let ofAll = 0;
  let untold = 0;

  function renew(): void {
    if (clock.now() < endsAt) return;
    byNetwork.clear();
    ofAll = 0;
  }

  return {
    note(address, sentence, facts = {}) {
      renew();
      count();
      untold += 1;
      if (ofAll === 0) {
        endsAt = clock.now() + WINDOW_MS;
        log.warn({ door, failures: untold, ...facts }, sentence);
        untold = 0;
      }
      ofAll += 1;
      const network = networkOf(address);
      byNetwork.set(network, (byNetwork.get(network) ?? 0) + 1);
      const [oldest] = byNetwork.keys();
      if (byNetwork.size > MOST_NETWORKS && oldest !== undefined) byNetwork.delete(oldest);
    },

    waitMs(address) {
      renew();
      const most = ofAll >= MOST_OF_ALL ? 1 : MOST_OF_ONE;
      return (byNetwork.get(networkOf(address)) ?? 0) >= most ? endsAt - clock.now() : 0;
    },
  };
}

/** An IPv4 address, the first half of an IPv6 address, or one word for whatever else a proxy may have written. */
function networkOf(address: string): string {
  const plain = address.replace(/^::ffff:(?=\d+\.)/i, '');
  if (isIPv4(plain)) return plain;
  if (!isIPv6(plain)) return 'unreadable';
  const [start = '', end] = plain.split('::');
  const first = start === '' ? [] : start.split(':');
  const last = end === undefined || end === '' ? [] : end.split(':');
  const zeros = Array<string>(Math.max(0, 8 - first.length - last.length)).fill('0');
  return [...first, ...zeros, ...last]
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16))
    .join(':');
}
