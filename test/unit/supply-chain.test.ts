import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';

interface Package {
  version?: string;
  resolved?: string;
  integrity?: string;
  link?: boolean;
  hasInstallScript?: boolean;
}

const read = (name: string) => readFileSync(new URL(`../../${name}`, import.meta.url), 'utf8');
const lock = JSON.parse(read('package-lock.json')) as { lockfileVersion: number; packages: Record<string, Package> };
const manifest = JSON.parse(read('package.json')) as {
  dependencies: Record<string, string>;
  devDependencies: Record<string, string>;
  allowScripts: Record<string, boolean>;
};
const packages = Object.entries(lock.packages).filter(([path]) => path !== '');

it('every package of the lock file is known by the digest of its content', () => {
  expect(packages.length).toBeGreaterThan(100);
  expect(packages.filter(([, { integrity }]) => !/^sha512-[A-Za-z0-9+/]{86}==$/.test(integrity ?? ''))).toEqual([]);
});

it('no package comes from anywhere but the registry that is configured: no address, no repository, no folder', () => {
  expect(packages.filter(([, one]) => one.resolved !== undefined || one.link)).toEqual([]);
  expect(packages.filter(([, { version }]) => !/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version ?? ''))).toEqual([]);
  expect(packages.filter(([path]) => !/^(node_modules\/(@[\w.-]+\/)?[\w.-]+\/?)+$/.test(path))).toEqual([]);
});

it('what we depend on is named by its exact version', () => {
  const named = Object.entries({ ...manifest.dependencies, ...manifest.devDependencies });
  expect(named.filter(([, version]) => !/^\d+\.\d+\.\d+$/.test(version))).toEqual([]);
  for (const [name, version] of named) expect(lock.packages[`node_modules/${name}`]?.version, name).toBe(version);
  expect(read('.npmrc')).toContain('save-exact=true');
});

it('only packages that were looked at may run a script when they are installed', () => {
  const scripted = packages
    .filter(([, one]) => one.hasInstallScript)
    .map(([path]) => path.replace(/^.*node_modules\//, ''));
  expect(new Set(scripted)).toEqual(new Set(Object.keys(manifest.allowScripts)));
  // The one that is needed fetches the Node of this project; the image runs none at all.
  expect(Object.entries(manifest.allowScripts).filter(([, isAllowed]) => isAllowed)).toEqual([['node', true]]);
  expect(read('Dockerfile')).toMatch(/npm ci .*--ignore-scripts/);
});
