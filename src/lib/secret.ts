import type { Clock } from './clock.ts';

/** A secret as it is now: one that rests in a file may be replaced while the process runs. */
export interface Secret<T = string> {
  /** Costs nothing worth mentioning: ask whenever it is needed, and keep nothing. */
  read(): T;
  /** Looks again at once, since `value` was refused. Whether there is another one now. */
  isReplaced(value: T): boolean;
}

/** What became of the file of a secret, for people. Never holds a value. */
export interface SecretNews {
  /** What is wrong with it, where something is: then the former value goes on being used. */
  problem?: string;
}

export interface SecretFileParts<T> {
  initial: T;
  /** What stands in the file now: a value that can be used, or what is wrong. */
  load(): { value: T } | { problem: string };
  /** Told of every change, and of a problem once. */
  tell(news: SecretNews): void;
  clock: Clock;
}

/** A secret that stays the same as long as the process. */
export function fixedSecret<T>(value: T): Secret<T> {
  return { read: () => value, isReplaced: () => false };
}

const LOOK_EVERY_MS = 10_000;
/** Whoever sends wrong signatures must not have a file read each time. */
const LOOK_AT_MOST_EVERY_MS = 1_000;

/**
 * A secret that is read again from its file every ten seconds while it is asked for, and when it was refused. A file that is missing,
 * empty or unusable for the moment keeps the former value. `load` returns an equal value as the same object.
 */
export function secretInFile<T>({ initial, load, tell, clock }: SecretFileParts<T>): Secret<T> {
  let value = initial;
  let lookedAt = clock.now();
  let problem: string | undefined;

  function look(): void {
    lookedAt = clock.now();
    const found = load();
    if ('problem' in found) {
      if (found.problem !== problem) tell({ problem: found.problem });
      problem = found.problem;
      return;
    }
    if (found.value !== value || problem !== undefined) tell({});
    problem = undefined;
    value = found.value;
  }

  return {
    read() {
      if (clock.now() - lookedAt >= LOOK_EVERY_MS) look();
      return value;
    },
    isReplaced(refused) {
      if (clock.now() - lookedAt >= LOOK_AT_MOST_EVERY_MS) look();
      return value !== refused;
    },
  };
}

/**
 * Whether something fits a secret, or the one that has just taken its place. `fits` is called once or twice: let it take equally long
 * whatever it finds.
 */
export function isFitting<T>(secret: Secret<T>, fits: (value: T) => boolean): boolean {
  const known = secret.read();
  return fits(known) || (secret.isReplaced(known) && fits(secret.read()));
}

/** Does `work` with a secret, and once more when that was refused and there is another one by now. */
export async function withSecret<T, R>(
  secret: Secret<T>,
  isRefused: (error: unknown) => boolean,
  work: (value: T) => Promise<R>,
): Promise<R> {
  const used = secret.read();
  try {
    return await work(used);
  } catch (error) {
    if (!isRefused(error) || !secret.isReplaced(used)) throw error;
    return work(secret.read());
  }
}
