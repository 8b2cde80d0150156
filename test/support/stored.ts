import type { Redis } from 'ioredis';
import type { Keys } from '../../src/store/keys.ts';

/** What was written of one kind: how often, and how often with each field. */
type Written = { times: number; fields: Map<string, number> };

/** What the connector stores over a connection, as another release will read it. */
export interface StoredForms {
  /** Looks at the documents that are stored now. */
  see(): Promise<void>;
  /**
   * A line for each step of an operation, with what it was sent with or resulted in, and one for each kind of key, with the fields of the
   * documents seen there; a question mark is on those that were not always there.
   */
  lines(): string[];
  forget(): void;
}

/** Of what is kept for a while only, nothing is said. */
const PASSING = /^(budget|circuit|workers|traces)/;
/** Of these fields each word counts. */
const WORDS = /(^|\.)(state|operation|kind|asked|productType)$/;

/** Watches what is journaled over a connection from here on. */
export function watchStored(redis: Redis, keys: Keys): StoredForms {
  const steps = new Map<string, Written>();
  const documents = new Map<string, Written>();
  const journals = keys.journal('');
  const send = redis.sendCommand.bind(redis);
  redis.sendCommand = (command, ...rest) => {
    const args = command.args.map(String);
    // Where an entry is written, it follows the name of its step, and that the key of the journal.
    const [key = '', step = '', entry = ''] = args.slice(args.findLastIndex((arg) => arg.startsWith(journals)));
    if (key.startsWith(journals) && entry.startsWith('{')) noteEntry(`${operationOf(key)}: ${step}`, JSON.parse(entry));
    return send(command, ...rest);
  };

  /** The name of a run holds that of its operation. */
  function operationOf(key: string): string {
    return key.slice(journals.length).replace(/^\d+-(.+)-\d+$/, '$1');
  }

  /** How often a poll looked is chance. */
  function noteEntry(step: string, { state, prepared, result }: Record<string, unknown>): void {
    if (state === 'sent') note(steps, `${step} is sent with`, prepared);
    if (state === 'done') note(steps, `${step} results in`, result);
  }

  return {
    async see() {
      const prefix = keys.record(0).replace(/record:0$/, '');
      for await (const found of redis.scanStream({ match: `${prefix}*`, count: 1_000 })) {
        for (const key of found as string[]) {
          const kind = key.slice(prefix.length).split(':')[0] ?? '';
          if (PASSING.test(kind)) continue;
          const text = (await redis.type(key)) === 'string' ? await redis.get(key) : null;
          note(documents, `key ${kind} holds`, text?.startsWith('{') ? JSON.parse(text) : undefined);
        }
      }
    },
    lines: () => [...linesOf(steps), ...linesOf(documents)],
    forget() {
      steps.clear();
      documents.clear();
    },
  };
}

function note(written: Map<string, Written>, what: string, value: unknown): void {
  const { times, fields } = written.get(what) ?? { times: 0, fields: new Map<string, number>() };
  for (const field of new Set(fieldsOf(value, ''))) fields.set(field, (fields.get(field) ?? 0) + 1);
  written.set(what, { times: times + 1, fields });
}

function linesOf(written: Map<string, Written>): string[] {
  return [...written].map(([what, { times, fields }]) => {
    const all = [...fields].map(([field, seen]) => (seen < times ? `${field}?` : field));
    return `${what} ${all.length === 0 ? 'no fields' : all.toSorted().join(', ')}`;
  });
}

/** The fields of a value with their types, or their words. */
function* fieldsOf(value: unknown, path: string): Iterable<string> {
  if (value === undefined) return;
  if (Array.isArray(value)) for (const item of value) yield* fieldsOf(item, `${path}[]`);
  else if (value !== null && typeof value === 'object')
    for (const [name, field] of Object.entries(value)) yield* fieldsOf(field, path === '' ? name : `${path}.${name}`);
  else
    yield `${path === '' ? '' : `${path}: `}${WORDS.test(path) ? JSON.stringify(value) : value === null ? 'null' : typeof value}`;
}
