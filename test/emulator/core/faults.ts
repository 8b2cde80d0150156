export const FAULT_KINDS = [
  'refuse',
  'reset-before',
  'reset-after',
  'timeout-after',
  'status',
  'replace',
  'malformed',
  'delay',
] as const;

export type FaultKind = (typeof FAULT_KINDS)[number];

/** One fault to come: which calls it hits, what happens to them, and how often. What is left out matches everything. */
export interface FaultRule {
  server?: string;
  method?: string;
  /** Source of a regular expression, tested (without regard to case) against path and query. */
  path?: string;
  /**
   * `refuse`, `reset-before`: the connection ends without effect. `reset-after`: the effect is made, then the connection
   * ends without an answer. `timeout-after`: the effect is made, the answer never comes. `status`: `status`, `headers`
   * and `body` are answered instead of the effect. `replace`: the effect is made, then `status`, `headers` and `body` are
   * answered instead of what came of it. `malformed`: the effect is made, then 200 with cut-off JSON.
   * `delay`: the call waits `delayMs` of real time and then goes on as usual.
   */
  kind: FaultKind;
  status?: number;
  body?: unknown;
  headers?: Record<string, string>;
  delayMs?: number;
  /** Matching calls that pass unharmed first; 0 by default. */
  skip?: number;
  /** Calls that are hit before the rule is used up; 1 by default. */
  times?: number;
}

/** What of a call decides whether a fault hits it; `query` without the question mark. */
export interface FaultTarget {
  server: string;
  method: string;
  path: string;
  query: string;
}

export interface Faults {
  inject(rule: FaultRule): void;
  /** From now on this is asked about each call before the rules are, also after `clear`; what it answers hits the call. */
  watch(choose: (call: FaultTarget) => FaultRule | undefined): void;
  clear(): void;
  pending(): FaultRule[];
  take(call: FaultTarget): FaultRule | undefined;
}

/**
 * Returns the faults that all servers of one set of emulators share, empty at first.
 *
 * `take` uses up one hit of the first rule that matches and no longer skips; a rule that still skips counts the call.
 * `pending` shows what is left, with `skip` and `times` as they stand.
 *
 * @throws {Error} from `inject` when a rule is not complete or not understood
 */
export function createFaults(): Faults {
  let rules: Array<FaultRule & { skip: number; times: number; pattern: RegExp }> = [];
  let watcher: (call: FaultTarget) => FaultRule | undefined = () => undefined;

  return {
    inject(rule) {
      check(rule);
      rules.push({ ...rule, skip: rule.skip ?? 0, times: rule.times ?? 1, pattern: new RegExp(rule.path ?? '', 'i') });
    },

    watch(choose) {
      watcher = choose;
    },

    clear() {
      rules = [];
    },

    pending() {
      return rules.map(({ pattern: _pattern, ...rule }) => rule);
    },

    take(call) {
      const chosen = watcher(call);
      if (chosen !== undefined) return chosen;
      const target = call.query === '' ? call.path : `${call.path}?${call.query}`;
      for (const rule of rules) {
        if (rule.server !== undefined && rule.server !== call.server) continue;
        if (rule.method !== undefined && rule.method.toUpperCase() !== call.method.toUpperCase()) continue;
        if (!rule.pattern.test(target)) continue;
        if (rule.skip > 0) {
          rule.skip -= 1;
          continue;
        }
        rule.times -= 1;
        if (rule.times <= 0) rules = rules.filter((other) => other !== rule);
        return rule;
      }
      return undefined;
    },
  };
}

function check(rule: FaultRule): void {
  if (!FAULT_KINDS.includes(rule.kind)) throw new Error(`A fault has a kind, one of ${FAULT_KINDS.join(', ')}.`);
  if ((rule.kind === 'status' || rule.kind === 'replace') && !isWhole(rule.status, 100, 599))
    throw new Error(`A fault of kind ${rule.kind} has a status.`);
  if (rule.kind === 'delay' && !isWhole(rule.delayMs, 0)) throw new Error('A fault of kind delay has delayMs.');
  if (rule.skip !== undefined && !isWhole(rule.skip, 0)) throw new Error('skip counts calls, from 0.');
  if (rule.times !== undefined && !isWhole(rule.times, 1)) throw new Error('times counts calls, from 1.');
}

function isWhole(value: number | undefined, atLeast: number, atMost = Number.MAX_SAFE_INTEGER): boolean {
  return Number.isInteger(value) && value! >= atLeast && value! <= atMost;
}
