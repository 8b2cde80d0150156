import { readFileSync } from 'node:fs';
import packageJson from '../package.json' with { type: 'json' };

export const VERSION = packageJson.version;

/** The commit that the image was built of; `unknown` where nothing was built, as in a working copy. */
export const REVISION = readRevision();

function readRevision(): string {
  try {
    return readFileSync(new URL('../REVISION', import.meta.url), 'utf8').trim() || 'unknown';
  } catch {
    return 'unknown';
  }
}
