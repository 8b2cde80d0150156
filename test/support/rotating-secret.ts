import type { Secret } from '../../src/lib/secret.ts';

/** A secret that is replaced at the moment when the first one is refused. */
export function createRotatingSecret(first: string, next: string): Secret {
  let value = first;
  return {
    read: () => value,
    isReplaced(refused) {
      value = next;
      return value !== refused;
    },
  };
}
