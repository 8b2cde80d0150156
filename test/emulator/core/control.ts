import type { IncomingMessage, ServerResponse } from 'node:http';
import type { CallRecord } from './call.ts';
import type { Clock } from './clock.ts';
import type { FaultRule, Faults } from './faults.ts';
import { readBody, send } from './wire.ts';

export type Command = (args: unknown) => unknown;

const PREFIX = '/_emulator';

export function isControlPath(path: string): boolean {
  return path === PREFIX || path.startsWith(`${PREFIX}/`);
}

/** The commands of every server: time, faults and the call log. */
export function builtInCommands(parts: { clock: Clock; faults: Faults; calls: CallRecord[] }): [string, Command][] {
  const { clock, faults, calls } = parts;
  const time = () => ({ now: new Date(clock.now()).toISOString(), nowMs: clock.now() });
  return [
    ['clock', time],
    [
      'advance',
      async (args) => {
        const { ms } = args as { ms?: unknown };
        if (typeof ms !== 'number') throw new Error('advance takes { "ms": milliseconds }.');
        await clock.advance(ms);
        return time();
      },
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
 * JSON object of its body as arguments. 200 with its result, 400 with a sentence when the command refuses.
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
    const result = await command(parseArguments(body));
    return reply(200, result ?? null);
  } catch (error) {
    return reply(400, { error: error instanceof Error ? error.message : String(error) });
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
