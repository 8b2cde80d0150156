import { z } from 'zod';
import { parseForeignJson } from '../../lib/json.ts';
import type { Fault } from './azure.ts';
import { HIDDEN, withoutSecrets } from './secrets.ts';
import { kindOf } from './taxonomy.ts';

const DEEPEST = 8;
const MOST = 50;
const LONGEST_MESSAGE = 500;
/** Longest part of a text that is cleaned before it is cut: a longer one would cost time without limit. */
const LONGEST_READ = 10 * LONGEST_MESSAGE;

const ErrorBody = z.object({
  code: z
    .union([z.string(), z.number().transform(String)])
    .nullish()
    .catch(undefined),
  message: z.string().nullish().catch(undefined),
  target: z.string().nullish().catch(undefined),
  details: z.array(z.unknown()).nullish().catch(undefined),
});

/** The code of an error, if it is one word. */
const CODE = /^[\w.-]{1,80}$/;

export interface Circumstances {
  /** HTTP status of the refusal, of the whole or of the operation within a deployment. */
  status?: number | undefined;
  /** Values that must not be repeated. */
  secrets?: readonly string[];
  /** What failed, unless the error says so itself. */
  target?: string | undefined;
}

/**
 * The innermost causes of an ARM error, which wraps the providers' errors in several layers, some of them as JSON within a
 * message. At most 50.
 *
 * @see https://learn.microsoft.com/azure/azure-resource-manager/troubleshooting/find-error-code
 */
export function faultsIn(error: unknown, circumstances: Circumstances = {}): Fault[] {
  const { target, secrets } = circumstances;
  return leavesOf(error, [], { ...circumstances, target: target && harmless(target, secrets) }, MOST);
}

function leavesOf(error: unknown, above: string[], circumstances: Circumstances, room: number): Fault[] {
  if (above.length > DEEPEST || room <= 0) return [];
  // Some providers answer with a sentence only.
  const { data: body } = ErrorBody.safeParse(typeof error === 'string' ? { message: error } : unwrapped(error));
  if (!body) return [];
  const own = body.code && CODE.test(body.code) ? body.code : undefined;
  const path = own ? [...above, own] : above;
  const inner = [...(body.details ?? []), ...jsonIn(body.message)];
  const target = body.target ? harmless(body.target, circumstances.secrets) : circumstances.target;

  const leaves: Fault[] = [];
  for (const one of inner) leaves.push(...leavesOf(one, path, { ...circumstances, target }, room - leaves.length));
  if (leaves.length > 0) return leaves;
  if (!own && !body.message) return [];

  const code = path.at(-1) ?? 'Unknown';
  const message = body.message ?? '';
  return [
    {
      code,
      message: harmless(message, circumstances.secrets),
      path: path.length > 0 ? path : [code],
      ...(target && { target }),
      kind: kindOf(path.length > 0 ? path : [code], message, circumstances.status),
    },
  ];
}

function unwrapped(error: unknown): unknown {
  const { data } = z.object({ error: z.record(z.string(), z.unknown()) }).safeParse(error);
  return data?.error ?? error;
}

/** The error that a provider wrote as JSON into a message. */
function jsonIn(message: string | null | undefined): unknown[] {
  if (!message?.trimStart().startsWith('{')) return [];
  try {
    return [parseForeignJson(message)];
  } catch {
    return [];
  }
}

/** A text of Azure, short, on one line, and without what must not be told: people's addresses, tokens, given secrets. */
export function harmless(text: string, secrets: readonly string[] = []): string {
  const told = withoutSecrets(text, secrets)
    .slice(0, LONGEST_READ)
    .replace(/[\w.%+-]+@[\w-]+(\.[\w-]+)+/g, HIDDEN)
    .replace(/\beyJ[\w-]+(\.[\w-]*)*/g, HIDDEN)
    .replace(/\b(sig|signature|accountkey|sharedaccesskey|password|pwd|secret)=[^&;\s'"]+/gi, `$1=${HIDDEN}`)
    .replace(/[\s\p{Cc}]+/gu, ' ')
    .trim();
  return told.length > LONGEST_MESSAGE ? `${told.slice(0, LONGEST_MESSAGE - 1)}…` : told;
}
