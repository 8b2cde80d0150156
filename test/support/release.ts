import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Redis } from 'ioredis';
import { composeLooks, type LookParts } from '../../src/compose/looks.ts';
import { composeStore } from '../../src/compose/store.ts';
import { type Config, loadConfig } from '../../src/config.ts';

/** As much of a release as looks at subscriptions. */
export interface Release {
  loadConfig: typeof loadConfig;
  composeStore: typeof composeStore;
  composeLooks: typeof composeLooks;
}

/** The release that is worked on. */
export const PRESENT: Release = { loadConfig, composeStore, composeLooks };

const ROOT = join(import.meta.dirname, '../..');

/** The release at a commit, with the packages of this one. Where it is composed otherwise, that is made up for here. */
export async function loadRelease(commit: string): Promise<Release> {
  const src = join(unpack(commit), 'src');
  const config = await import(join(src, 'config.ts'));
  const looks = await import(join(src, 'compose/looks.ts'));
  const store = join(src, 'compose/store.ts');
  if (existsSync(store)) return { ...config, ...looks, ...(await import(store)) };
  // Looks were given the connection, and composed what they store themselves.
  return {
    ...config,
    composeStore: (_config: Config, redis: Redis) => redis,
    composeLooks: (settings: Config, { store: redis, ...parts }: LookParts) =>
      looks.composeLooks(settings, { redis, ...parts }),
  };
}

/** Its sources, in a folder from which the packages are found. */
function unpack(commit: string): string {
  const git = (...args: string[]) => execFileSync('git', args, { cwd: ROOT, encoding: 'utf8' }).trim();
  const digest = git('rev-parse', '--verify', `${commit}^{commit}`);
  const folder = join(ROOT, '.cache/releases', digest);
  mkdirSync(folder, { recursive: true });
  git('archive', '--output', `${folder}.tar`, digest, 'src');
  execFileSync('tar', ['-xf', `${folder}.tar`, '-C', folder]);
  return folder;
}
