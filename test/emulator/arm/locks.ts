import type { Clock } from '../core/clock.ts';
import { type Api, objectIn, requireText } from './api.ts';
import type { Books, Cause } from './books.ts';
import { isWithin, keyOf } from './ids.ts';
import type { Lock, State } from './model.ts';
import { invalidContent, refuse, scopeLocked } from './refusals.ts';
import type { Switches } from './switches.ts';

export interface LockParts {
  api: Api;
  clock: Clock;
  state: State;
  switches: Switches;
  books: Books;
}

export interface Locks {
  set(scope: string, name: string, level: Lock['level'], cause: Cause, notes?: string): Lock;
  /** Scopes whose lock forbids to delete this id: above it, at it, or below it. */
  againstDeletion(id: string): string[];
  /** @throws {ArmRefusal} 409 ScopeLocked */
  requireDeletable(id: string): void;
  /** @throws {ArmRefusal} 409 ScopeLocked when a read-only lock stands at or above the id */
  requireWritable(id: string): void;
}

const LOCKS = '*scope/providers/Microsoft.Authorization/locks';
const rule = (verb: string) => ({
  namespace: 'Microsoft.Authorization',
  action: `Microsoft.Authorization/locks/${verb}`,
  scope: ({ scope }: Record<string, string>) => scope!,
});

/**
 * Management locks on subscriptions, groups and resources.
 *
 * @see https://learn.microsoft.com/azure/azure-resource-manager/management/lock-resources
 */
export function defineLocks({ api, clock, state, switches, books }: LockParts): Locks {
  function acting(): Lock[] {
    return [...state.locks.values()].filter(
      ({ removedAt }) => removedAt === undefined || removedAt + switches.lockLingersMs > clock.now(),
    );
  }

  function set(scope: string, name: string, level: Lock['level'], cause: Cause, notes?: string): Lock {
    const id = `${scope}/providers/Microsoft.Authorization/locks/${name}`;
    const lock: Lock = { id, name, scope, level, ...(notes === undefined ? {} : { notes }) };
    state.locks.set(keyOf(id), lock);
    books.write('lock set', cause, { lock: id, level });
    return lock;
  }

  function find(scope: string, name: string): Lock | undefined {
    const lock = state.locks.get(keyOf(`${scope}/providers/Microsoft.Authorization/locks/${name}`));
    return lock?.removedAt === undefined ? lock : undefined;
  }

  function againstDeletion(id: string): string[] {
    const blocking = acting().filter(({ scope }) => isWithin(id, scope) || isWithin(scope, id));
    return [...new Set(blocking.map(({ scope }) => scope))];
  }

  api.define('PUT', `${LOCKS}/:name`, rule('write'), ({ params, fields, cause }) => {
    const properties = objectIn(fields(), 'properties');
    const level = requireText(properties, 'level');
    if (level !== 'CanNotDelete' && level !== 'ReadOnly') throw invalidContent(`'${level}' is no level of a lock.`);
    const known = find(params.scope!, params.name!);
    const notes = typeof properties.notes === 'string' ? properties.notes : undefined;
    const lock = set(params.scope!, params.name!, level, cause, notes);
    return { status: known === undefined ? 201 : 200, body: view(lock) };
  });

  api.define('GET', `${LOCKS}/:name`, rule('read'), ({ params }) => {
    const lock = find(params.scope!, params.name!);
    if (lock === undefined) throw refuse(404, 'LockNotFound', `The lock '${params.name}' could not be found.`);
    return { status: 200, body: view(lock) };
  });

  api.define('DELETE', `${LOCKS}/:name`, rule('delete'), ({ params, cause }) => {
    const lock = find(params.scope!, params.name!);
    if (lock === undefined) return { status: 204 };
    lock.removedAt = clock.now();
    books.write('lock removed', cause, { lock: lock.id });
    return { status: 200 };
  });

  api.define('GET', LOCKS, rule('read'), ({ params }) => {
    const standing = [...state.locks.values()].filter(
      ({ scope, removedAt }) =>
        removedAt === undefined && (isWithin(scope, params.scope!) || isWithin(params.scope!, scope)),
    );
    return { status: 200, body: { value: standing.map(view) } };
  });

  return {
    set,
    againstDeletion,

    requireDeletable(id) {
      const scopes = againstDeletion(id);
      if (scopes.length > 0) throw scopeLocked(id, scopes, 'delete');
    },

    requireWritable(id) {
      const scopes = acting().filter(({ scope, level }) => level === 'ReadOnly' && isWithin(id, scope));
      if (scopes.length > 0) {
        throw scopeLocked(
          id,
          scopes.map(({ scope }) => scope),
          'write',
        );
      }
    },
  };
}

function view({ id, name, level, notes }: Lock): object {
  return {
    id,
    name,
    type: 'Microsoft.Authorization/locks',
    properties: { level, ...(notes === undefined ? {} : { notes }) },
  };
}
