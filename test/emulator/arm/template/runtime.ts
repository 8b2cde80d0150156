import type { Directory } from './dependencies.ts';
import type { ReferenceTarget, Resources } from './environment.ts';
import { Deferred, RuntimeError } from './errors.ts';
import type { ReadResource } from './types.ts';

/** Resources during validation: they can be found, but have no state yet. */
export function unreadResources(
  directory: Directory,
  self: string | undefined,
  note: (target: ReferenceTarget) => void,
): Resources {
  return {
    find: directory,
    note,
    self,
    read() {
      throw new Deferred();
    },
  };
}

/** Resources while the deployment runs. */
export function liveResources(directory: Directory, self: string | undefined, read: ReadResource): Resources {
  return {
    find: directory,
    note: () => undefined,
    self,
    read(id) {
      const state = read(id);
      if (state !== undefined) return state;
      throw new RuntimeError({ code: 'ResourceNotFound', message: notFound(id) });
    },
  };
}

function notFound(id: string): string {
  const [, group = '', resource = id] =
    /^\/subscriptions\/[^/]+\/resourceGroups\/([^/]+)\/providers\/(.+)$/i.exec(id) ?? [];
  const [namespace = '', ...rest] = resource.split('/');
  const types = rest.filter((_, index) => index % 2 === 0);
  const names = rest.filter((_, index) => index % 2 === 1);
  const shown = [namespace, ...types, ...names].join('/');
  return `The Resource '${shown}' under resource group '${group}' was not found. For more details please go to https://aka.ms/ARMResourceNotFoundFix`;
}
