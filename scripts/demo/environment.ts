// What the connector of the demo was started with, as a file for the shells of those who look around.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * Writes an environment to a file of its own, which `set -a; . FILE` reads back value for value. It holds secrets: nobody else can read it.
 *
 * @returns its path, and how to remove it
 */
export function writeEnvironment(environment: Record<string, string>): { path: string; remove(): void } {
  const folder = mkdtempSync(join(tmpdir(), 'connector-demo-'));
  const path = join(folder, 'connector.env');
  const lines = Object.entries(environment).map(([name, value]) => `${name}=${quoted(value)}\n`);
  writeFileSync(path, lines.join(''), { mode: 0o600 });
  return { path, remove: () => rmSync(folder, { recursive: true, force: true }) };
}

/** Within single quotes a shell reads everything as it stands, but for the quote itself. */
function quoted(value: string): string {
  return `'${value.replaceAll("'", String.raw`'\''`)}'`;
}
