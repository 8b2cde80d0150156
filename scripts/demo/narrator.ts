// Tells what the connector does, as operations could read it: the lines of its timelines as they come, under chapters.
import { setTimeout as pause } from 'node:timers/promises';

/** How often the connector is asked for news. */
const NEWS_EVERY_MS = 100;
const WITHIN_MS = 60_000;
/** What does not go on by itself. */
const NEEDS_A_PERSON = new Set(['needs-attention', 'failed']);
const SIGNS: Record<string, string> = { decision: '■', step: '✓', wait: '…', error: '!', report: '→' };

interface Line {
  at: string;
  kind: string;
  text: string;
}

/** What operations see of a subscription. */
export interface OpsView {
  state: string;
  waitingFor: string | null;
  lastError: { message: string } | null;
  fulfillment: {
    commitmentEndDate?: string;
    exposure?: { seats: number; until?: string };
    /** Types of what was deployed, by what they are for. */
    azure?: { architecture?: Record<string, string[]> };
  } | null;
  timeline: Line[];
}

export interface Narrator {
  /** Tells from here on what the connector does with a subscription. */
  follow(id: number, title: string): void;
  /** `at` is the day in the world, by default today. */
  chapter(title: string, at?: number): void;
  /** A line of our own; `who` is a subscription or nobody. */
  say(who: number | '', text: string): void;
  read(id: number): Promise<OpsView | undefined>;
  /** Has the connector look at a subscription now, as it does by itself once a day. */
  look(id: number): Promise<void>;
  /** Resolves once something holds, and tells what led to it. */
  until(what: string, holds: () => boolean | Promise<boolean>): Promise<void>;
  /** Resolves when operations would see the subscription in this state; rejects when they would have to act first. */
  untilState(id: number, state: string): Promise<void>;
  /** Tells the rest and no more. */
  finish(): Promise<void>;
}

export interface NarratorOptions {
  /** Where the connector listens, and the token of operations. */
  url: string;
  token: string;
  /** What the seconds of the lines count from, in real time. */
  startedAt: number;
  /** The day in the world, which is named by the chapters. */
  now(): number;
}

/** Returns a narrator that writes to the terminal. */
export function createNarrator({ url, token, startedAt, now }: NarratorOptions): Narrator {
  const shown = new Map<number, number>();
  const headers = { authorization: `Bearer ${token}` };
  let showing: Promise<void> | undefined;
  const news = setInterval(() => void showNews(), NEWS_EVERY_MS);

  function write(who: number | '', text: string, at: number): void {
    const seconds = ((at - startedAt) / 1000).toFixed(1).padStart(6);
    process.stdout.write(`${seconds} s  ${String(who).padEnd(6)} ${text}\n`);
  }

  async function read(id: number): Promise<OpsView | undefined> {
    const response = await fetch(`${url}/ops/api/subscriptions/${id}`, { headers });
    return response.ok ? ((await response.json()) as OpsView) : undefined;
  }

  /** Prints what has been added to the timelines, one caller at a time. */
  function showNews(): Promise<void> {
    showing ??= print().finally(() => {
      showing = undefined;
    });
    return showing;
  }

  async function print(): Promise<void> {
    for (const id of shown.keys()) {
      const known = (await read(id).catch(() => undefined))?.timeline.toReversed() ?? [];
      // Each call too would be more than anybody reads, and only the last ones are kept.
      const timeline = known.filter(({ kind }) => kind !== 'call');
      for (const { kind, text, at } of timeline.slice(shown.get(id) ?? 0)) {
        write(id, `${SIGNS[kind] ?? '·'} ${shorten(text)}`, Date.parse(at));
      }
      shown.set(id, Math.max(timeline.length, shown.get(id) ?? 0));
    }
  }

  async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
    const deadline = Date.now() + WITHIN_MS;
    while (!(await holds())) {
      if (Date.now() > deadline) throw new Error(`It did not come to this: ${what}.`);
      await pause(NEWS_EVERY_MS);
    }
    // A print that is under way may have read before it held.
    await showing;
    await showNews();
  }

  return {
    follow(id, title) {
      shown.set(id, 0);
      write(id, `ordered: ${title}`, Date.now());
    },
    chapter(title, at = now()) {
      process.stdout.write(`\n— ${printDay(at)}: ${title}\n`);
    },
    say: (who, text) => write(who, text, Date.now()),
    read,
    async look(id) {
      const answer = await fetch(`${url}/ops/api/subscriptions/${id}/look`, {
        method: 'POST',
        headers: { ...headers, 'content-type': 'application/json' },
        body: JSON.stringify({ reason: 'a day has passed in the demo' }),
      });
      if (!answer.ok) throw new Error(`Operations could not ask for a look at ${id}: ${await answer.text()}`);
    },
    until,
    untilState: (id, state) =>
      until(`${id} ${state}`, async () => {
        const view = await read(id);
        if (view?.state !== state && NEEDS_A_PERSON.has(view?.state ?? ''))
          throw new Error(`${id} is ${view?.state}: ${view?.lastError?.message ?? 'nobody says why'}`);
        return view?.state === state;
      }),
    async finish() {
      clearInterval(news);
      await showing;
      await showNews();
    },
  };
}

/** Resources of Azure by their names instead of their ids, which fill a line. */
function shorten(text: string): string {
  return text.replaceAll(/\/subscriptions\/\S+\/providers\/\S+\/([^/\s]+)/g, '$1');
}

export function printDay(at: number | string): string {
  return new Date(at).toLocaleDateString('en-GB', { day: 'numeric', month: 'long', year: 'numeric', timeZone: 'UTC' });
}
