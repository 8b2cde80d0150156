import type { Config } from '../../src/config.ts';
import type { Emulators } from '../emulator/emulators.ts';
import { openClients } from './clients.ts';
import { type IsRead, outcomeOf } from './comparison.ts';
import type { Exchange } from './recorder.ts';
import { withChange } from './shapes.ts';

/** Another value of the same type. */
const ANOTHER: Record<string, (value: never) => unknown> = {
  string: (value: string) => `${value}~`,
  number: (value: number) => value + 1,
  boolean: (value: boolean) => !value,
};

/** What may become of a value. */
const CHANGES = [() => undefined, (value: unknown) => ANOTHER[typeof value]?.(value as never) ?? value];

/** Headers that belong to the connection, or follow from the body. */
const OF_THE_WIRE = /^(connection|keep-alive|content-length|transfer-encoding|content-encoding)$/;

/**
 * Finds out whether the service reads a place of an answer: the emulator is asked again, and gives the answer that it gave before, without
 * what stands there, and with something else there. What the service learns is the same as before only where it does not look.
 */
export function createReading({ faults }: Pick<Emulators, 'faults'>, config: Config): IsRead {
  return async ({ question, asked: { exchanges, known }, isMeant }, steps) => {
    async function learnt(change?: (value: unknown) => unknown): Promise<string> {
      const given = new Map<string, number>();
      faults.watch(({ server, method, path, query }) => {
        const alike = exchanges.filter(
          (one) => one.upstream === server && one.method === method && one.path === path && one.query === query,
        );
        const key = [server, method, path, query].join(' ');
        const count = given.get(key) ?? 0;
        given.set(key, count + 1);
        const answer = alike[count] ?? alike.at(-1);
        const body = answer?.body();
        if (!answer || !body || !('json' in body)) return undefined;
        const isChanged = change && isMeant(answer);
        return replay(answer, isChanged ? withChange(body.json, steps, change, { anyCase: true }) : body.json);
      });
      try {
        const outcome = await outcomeOf(() => question.ask(openClients(config), { ...known }));
        return JSON.stringify(outcome, withoutRaw);
      } finally {
        faults.watch(() => undefined);
      }
    }

    const before = await learnt();
    for (const change of CHANGES) if ((await learnt(change)) !== before) return true;
    return false;
  };
}

/** The fault by which an emulator gives an answer as it was given before, but for its body. */
export function replay({ status, headers }: Exchange, body: unknown) {
  const kept = Object.entries(headers).filter(([name]) => !OF_THE_WIRE.test(name));
  return { kind: 'replace' as const, status, headers: Object.fromEntries(kept), ...(body !== undefined && { body }) };
}

/** What is kept as it came, to be sent back as a whole, is not looked at. */
function withoutRaw(name: string, value: unknown): unknown {
  return name === 'raw' ? undefined : value;
}
