import {
  copyFileSync,
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, matchesGlob, relative } from 'node:path';

const ROOT = join(import.meta.dirname, '../..');

/** What the last stage of the Dockerfile says, without comments, in order. */
export function readDockerfile(): { instruction: string; argument: string }[] {
  const text = readFileSync(join(ROOT, 'Dockerfile'), 'utf8')
    .replace(/^#.*\n/gm, '')
    .replace(/\\\n\s*/g, '');
  return text
    .split('\n')
    .map((line) => /^([A-Z]+)\s+(.*)$/.exec(line.trim()))
    .filter((match) => match !== null)
    .map(([, instruction = '', argument = '']) => ({ instruction, argument }));
}

/** The command that a container runs, or its health check. */
export function commandOf(instruction: 'CMD' | 'HEALTHCHECK'): string[] {
  const { argument } = readDockerfile().findLast((one) => one.instruction === instruction) ?? { argument: '' };
  return JSON.parse(argument.replace(/^.*?CMD (?=\[)/, '')) as string[];
}

/**
 * Makes the folder `/app` of the image without an engine: what each COPY of the Dockerfile takes from the context, as far as
 * `.dockerignore` lets it in, and the packages that `npm ci --omit=dev` would install, taken from the installed ones, without the files that
 * the Dockerfile deletes. The caller calls `remove`.
 */
export function layImage(): { folder: string; remove(): void } {
  const folder = mkdtempSync(join(tmpdir(), 'connector-image-'));
  const lines = readDockerfile();
  const isInContext = readDockerignore();
  for (const { instruction, argument } of lines.slice(lines.findLastIndex((one) => one.instruction === 'FROM'))) {
    if (instruction !== 'COPY' || argument.startsWith('--from')) continue;
    const paths = argument.split(/\s+/);
    const target = paths.pop() ?? '';
    for (const path of paths) {
      const into = target.endsWith('/') && statSync(join(ROOT, path)).isFile() ? join(target, path) : target;
      for (const file of filesBelow(join(ROOT, path)))
        if (isInContext(relative(ROOT, file))) place(file, join(folder, into, relative(join(ROOT, path), file)));
    }
  }
  for (const path of productionPackages()) {
    for (const file of filesBelow(join(ROOT, path), 'node_modules'))
      if (!isPruned(file)) place(file, join(folder, path, relative(join(ROOT, path), file)));
  }
  return { folder, remove: () => rmSync(folder, { recursive: true, force: true }) };
}

/** Whether a path gets into the context: the last rule that fits counts. */
function readDockerignore(): (path: string) => boolean {
  const rules = readFileSync(join(ROOT, '.dockerignore'), 'utf8')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'));
  return (path) => {
    let isLetIn = true;
    for (const rule of rules) {
      const pattern = rule.replace(/^!/, '');
      if (matchesGlob(path, pattern) || matchesGlob(path, `${pattern}/**`)) isLetIn = rule.startsWith('!');
    }
    return isLetIn;
  };
}

function productionPackages(): string[] {
  const { packages } = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, { dev?: boolean; devOptional?: boolean }>;
  };
  return Object.entries(packages)
    .filter(([path, { dev, devOptional }]) => path !== '' && !dev && !devOptional)
    .map(([path]) => path)
    .filter((path) => existsSync(join(ROOT, path))); // those of other platforms are not installed
}

/** By the names in the Dockerfile's own `find … -delete`. */
function isPruned(file: string): boolean {
  const { argument = '' } = readDockerfile().find((one) => one.argument.includes('-delete')) ?? {};
  return [...argument.matchAll(/-name '\*([^']+)'/g)].some(([, ending = '']) => file.endsWith(ending));
}

function filesBelow(path: string, besides?: string): string[] {
  if (statSync(path).isFile()) return [path];
  return readdirSync(path, { withFileTypes: true })
    .filter(({ name }) => name !== besides)
    .flatMap((entry) => {
      if (entry.isDirectory()) return filesBelow(join(path, entry.name), besides);
      return entry.isFile() ? [join(path, entry.name)] : [];
    });
}

function place(from: string, to: string): void {
  mkdirSync(dirname(to), { recursive: true });
  try {
    linkSync(from, to);
  } catch {
    copyFileSync(from, to); // on another disk
  }
}
