import { readFileSync } from 'node:fs';
import { VARIABLES } from './settings.ts';

/** Variables by their names, as in `process.env`. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** Variables whose value may also be given as `NAME_FILE`, the path of a file that holds it. */
export const SECRETS = [
  'REDIS_URL',
  'CMW_AUTH_TOKEN',
  'CMW_EVENT_SECRETS',
  'PARTNER_CENTER_CLIENT_SECRET',
  'PARTNER_CENTER_REFRESH_TOKEN',
  'ENDPOINT_SECRET',
  'STATE_KEY',
  'OPS_TOKEN',
  'SENTRY_DSN',
  'OTEL_EXPORTER_OTLP_HEADERS',
  'CONSUL_TOKEN',
] as const;

interface Texts {
  texts: Record<string, string>;
  /** Variable → what is wrong with it. */
  problems: Map<string, string>;
}

/** The text of each variable that is given, in the environment or in a file. An empty one counts as not given. */
export function readTexts(env: Environment): Texts {
  const texts: Record<string, string> = {};
  const problems = new Map<string, string>();
  for (const variableName of VARIABLES) {
    const secret = SECRETS.find((candidate) => candidate === variableName);
    const { text, problem } = secret === undefined ? { text: env[variableName] } : readSecret(env, secret);
    if (problem !== undefined) problems.set(variableName, problem);
    if (text !== undefined && text !== '') texts[variableName] = text;
  }
  return { texts, problems };
}

/** The text of a secret, in the environment or in the file that it names; without a text it is not given, or there is a problem. */
export function readSecret(env: Environment, secret: (typeof SECRETS)[number]): { text?: string; problem?: string } {
  const text = env[secret];
  const path = env[`${secret}_FILE`];
  if (!path) return text ? { text } : {};
  if (text) return { problem: `given twice; expected either ${secret} or ${secret}_FILE` };
  try {
    const content = readFileSync(path, 'utf8').replace(/\r?\n$/, '');
    return content === '' ? {} : { text: content };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return { problem: `unreadable (${code}); expected ${secret}_FILE to be the path of a readable file` };
  }
}
