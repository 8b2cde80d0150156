import type { IncomingMessage, ServerResponse } from 'node:http';
import type { CallRecord } from './call.ts';
import type { Clock } from './clock.ts';
import type { FaultRule, Faults } from './faults.ts';
import { readBody, send } from './wire.ts';

export interface Command {
  run: (args: unknown) => unknown;
  takes: Arguments;
}

type Kind = 'text' | 'number' | 'flag' | 'object' | 'list';

/** The arguments of a command by their names, in order; `?` stands behind what may be left out. */
export interface Arguments {
  readonly [name: string]: Kind | `${Kind}?` | 'text or null' | Arguments;
}

const PREFIX = '/_emulator';

export function isControlPath(path: string): boolean {
  return path === PREFIX || path.startsWith(`${PREFIX}/`);
}

/** The commands of every server: time, faults and the call log. */
export function builtInCommands(parts: {
  clock: Clock;
  faults: Faults;
  calls: CallRecord[];
}): [string, Command['run'], Arguments?][] {
  const { clock, faults, calls } = parts;
  const time = () => ({ now: new Date(clock.now()).toISOString(), nowMs: clock.now() });
  return [
    ['clock', time],
    [
      'advance',
      async (args) => {
        await clock.advance((args as { ms: number }).ms);
        return time();
      },
      { ms: 'number' },
    ],
    [
      'fault',
      (args) => {
        faults.inject(args as FaultRule);
        return faults.pending();
      },
    ],
    [
      'clear-faults',
      () => {
        faults.clear();
        return faults.pending();
      },
    ],
    ['calls', () => calls],
  ];
}

/**
 * Answers a call of the control surface: `GET /_emulator` lists the commands, `POST /_emulator/<name>` runs one with the
 * JSON object of its body as arguments. 200 with its result, 400 with a sentence when an argument is missing
 * or of another kind, or the command refuses.
 */
export async function runControlCall(parts: {
  name: string;
  clock: Clock;
  commands: ReadonlyMap<string, Command>;
  request: IncomingMessage;
  response: ServerResponse;
  method: string;
  path: string;
}): Promise<void> {
  const { name, clock, commands, request, response, method, path } = parts;
  const reply = (status: number, body: unknown): void => send(response, { status, body }, clock.now());
  const body = await readBody(request);
  const names = [...commands.keys()].sort();

  if (path === PREFIX) {
    if (method !== 'GET') return reply(405, { error: `GET ${PREFIX} lists the commands.` });
    return reply(200, { server: name, commands: names });
  }
  const command = commands.get(path.slice(PREFIX.length + 1));
  if (command === undefined) return reply(404, { error: `There is no such command; there are ${names.join(', ')}.` });
  if (method !== 'POST') return reply(405, { error: 'A command is run with POST.' });

  try {
    const args = parseArguments(body);
    requireArguments(args, command.takes);
    const result = await command.run(args);
    return reply(200, result ?? null);
  } catch (error) {
    return reply(400, { error: error instanceof Error ? error.message : String(error) });
  }
}

/** @throws {Error} naming what is missing or of another kind, before the command has done anything */
function requireArguments(args: object, takes: Arguments, within = ''): void {
  for (const [name, kind] of Object.entries(takes)) {
    const value: unknown = (args as Record<string, unknown>)[name];
    const path = `${within}${name}`;
    if (typeof kind === 'object') {
      if (!isOf('object', value)) throw new Error(`${path} is an object: ${Object.keys(kind).join(', ')}.`);
      requireArguments(value as object, kind, `${path}.`);
      continue;
    }
    if (kind === 'text or null' ? value === null : kind.endsWith('?') && value === undefined) continue;
    const wanted = kind.replace(/\?$| or null$/, '') as Kind;
    if (!isOf(wanted, value))
      throw new Error(`${path} is ${WORDS[wanted]}${kind === 'text or null' ? ', or null' : ''}.`);
  }
}

const WORDS: Record<Kind, string> = {
  text: 'a text',
  number: 'a number',
  flag: 'true or false',
  object: 'an object',
  list: 'a list',
};

function isOf(kind: Kind, value: unknown): boolean {
  switch (kind) {
    case 'text':
      return typeof value === 'string';
    case 'flag':
      return typeof value === 'boolean';
    case 'list':
      return Array.isArray(value);
    case 'object':
      return typeof value === 'object' && value !== null && !Array.isArray(value);
    default:
      return typeof value === kind;
  }
}

function parseArguments(body: Buffer): object {
  if (body.length === 0) return {};
  const args: unknown = JSON.parse(body.toString('utf8'));
  if (typeof args !== 'object' || args === null || Array.isArray(args)) {
    throw new Error('The arguments of a command are one JSON object.');
  }
  return args;
}
