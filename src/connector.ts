#!/usr/bin/env node
import { userInfo } from 'node:os';
import { audit } from './commands/audit.ts';
import { type Command, EXIT, type ExitCode, type Output, UsageError } from './commands/command.ts';
import { deadLetters } from './commands/dead-letters.ts';
import { doctor } from './commands/doctor.ts';
import { exposures } from './commands/exposures.ts';
import { list } from './commands/list.ts';
import { press } from './commands/press.ts';
import { rebuild } from './commands/rebuild.ts';
import { reconcile } from './commands/reconcile.ts';
import { show } from './commands/show.ts';
import { signIn } from './commands/sign-in.ts';
import { openDoctor } from './compose/doctor.ts';
import { type Maintenance, type Operations, openOperations } from './compose/operations.ts';
import { composeSetUp, type SetUp } from './compose/set-up.ts';
import { type Config, loadConfig } from './config.ts';
import { ConnectorError, PermanentError } from './lib/errors.ts';
import { createLog, type Log } from './lib/log.ts';
import { isOutage } from './store/redis.ts';

/** Every command over the Redis of the service, by its name. */
const OPERATIONS: Record<string, Command<Operations & Maintenance>> = {
  list,
  show,
  look: press('look', readOperator),
  retry: press('retry', readOperator),
  hold: press('hold', readOperator),
  release: press('release', readOperator),
  detach: press('detach', readOperator),
  attach: press('attach', readOperator),
  exposures,
  audit,
  'dead-letters': deadLetters(readOperator),
  reconcile: reconcile(readOperator),
  rebuild: rebuild(readOperator),
};

/** Those that come before there is a service, and need nothing but the configuration. */
const SET_UP: Record<string, Command<SetUp>> = { 'sign-in': signIn };

/** A command whose parts are opened once its arguments have been understood. */
interface Entry extends Pick<Command<never>, 'usage' | 'summary'> {
  read(args: string[]): (config: Config) => Promise<ExitCode>;
}

type Open<Parts> = (
  config: Config,
  context: { log: Log; signal: AbortSignal; say: (sentence: string) => void },
) => Promise<Parts & { close(): Promise<void> }>;

const COMMANDS = new Map<string, Entry>([
  ...Object.entries(SET_UP).map(([name, command]) => [name, beforeService(command)] as const),
  ...Object.entries(OPERATIONS).map(([name, command]) => [name, opening(command, openOperations)] as const),
  ['doctor', opening(doctor, openDoctor)],
]);

const INTERRUPTED = 'Interrupted: what was done until now stays done, and the command can be repeated.';

const output: Output = { write: (text) => process.stdout.write(text) };
process.exitCode = await main(process.argv.slice(2));

/** `connector <command> [arguments]`: results go to stdout, all else to stderr. */
async function main([name = '', ...args]: string[]): Promise<ExitCode> {
  if (name === '--help' || name === 'help') {
    output.write(help());
    return EXIT.fine;
  }
  const command = COMMANDS.get(name);
  if (command && args.includes('--help')) {
    output.write(`Usage: connector ${name} ${command.usage}\n${command.summary}\n`);
    return EXIT.fine;
  }
  if (!command) return complain(name ? `There is no command ${name}.\n\n${help()}` : help(), EXIT.usage);

  try {
    const run = command.read(args);
    const config = readConfig(name in SET_UP ? withoutRefreshToken(process.env) : process.env);
    return config ? await run(config) : EXIT.configuration;
  } catch (error) {
    if (error instanceof UsageError || isArgumentError(error)) {
      return complain(`${error.message}\nUsage: connector ${name} ${command.usage}\n`, EXIT.usage);
    }
    if (error instanceof ConnectorError) return complain(`${error.message} (${error.code})\n`, EXIT.found);
    if (isOutage(error)) return complain(failedOnTheWay(error), EXIT.found);
    throw error;
  }
}

/** Redis was there when the command began. */
function failedOnTheWay({ message }: Error): string {
  const reason = message.replace(/\.$/, '');
  return `Redis failed on the way: ${reason}. What was done until now stays done, and the command can be repeated. (store.unavailable)\n`;
}

/** A command with parts that are opened for it, and closed after it. */
function opening<Parts>({ read, ...command }: Command<Parts>, open: Open<Parts>): Entry {
  return {
    ...command,
    read(args) {
      const run = read(args);
      return async (config) => {
        // What is worth telling stands in the result; the log is for what goes wrong.
        const log = createLog({ level: 'warn', destination: process.stderr });
        const say = (sentence: string): void => void process.stderr.write(`${sentence}\n`);
        const parts = await open(config, { log, signal: interruption(), say });
        try {
          return await run(parts, output);
        } finally {
          await parts.close();
        }
      };
    },
  };
}

/** A command that comes before the service, and needs nothing but the configuration. */
function beforeService({ read, ...command }: Command<SetUp>): Entry {
  return {
    ...command,
    read(args) {
      const run = read(args);
      return (config) => run(composeSetUp(config), output);
    },
  };
}

/** Aborted when the person at the terminal, or the system, wants no more. */
function interruption(): AbortSignal {
  const controller = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const) {
    process.once(name, () => controller.abort(new PermanentError('command.interrupted', INTERRUPTED)));
  }
  return controller.signal;
}

/** The file that a sign-in shall fill need not be there before. */
function withoutRefreshToken(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return { ...env, PARTNER_CENTER_REFRESH_TOKEN: undefined, PARTNER_CENTER_REFRESH_TOKEN_FILE: undefined };
}

function readConfig(env: NodeJS.ProcessEnv): Config | undefined {
  try {
    return loadConfig(env);
  } catch (error) {
    if (!(error instanceof ConnectorError)) throw error;
    process.stderr.write(`${error.message}\n`);
    return undefined;
  }
}

/** Who sits at the terminal, for the audit trail. A container may run as a number without a name. */
function readOperator(): string {
  try {
    return userInfo().username;
  } catch {
    return `uid ${process.getuid?.() ?? 'unknown'}`;
  }
}

function help(): string {
  const lines = [...COMMANDS].map(([name, { usage, summary }]) => `  ${name} ${usage}\n      ${summary}\n`);
  return `Usage: connector <command> [arguments], in the environment of the service.\n\n${lines.join('')}`;
}

function complain(text: string, exitCode: ExitCode): ExitCode {
  process.stderr.write(text);
  return exitCode;
}

function isArgumentError(error: unknown): error is TypeError {
  return error instanceof TypeError && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS_');
}
