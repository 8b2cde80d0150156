import type { Press } from '../workflows/interventions.ts';

/** How a command ends, as sysexits.h counts it: in order, something found or failed, not understood, configured wrongly. */
export const EXIT = { fine: 0, found: 1, usage: 64, configuration: 78 } as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** Where a command writes its result to: text for people, or JSON for programs. */
export interface Output {
  write(text: string): void;
}

/**
 * A command of `connector`. Its arguments are read before anything is opened, so that a slip of the pen touches nothing; what
 * `read` returns carries the command out with the parts that it is handed then.
 */
export interface Command<Parts> {
  /** The arguments, as `[--json]`. */
  usage: string;
  /** What it does, in one line. */
  summary: string;
  /** @throws {TypeError} from `parseArgs`, or {UsageError} for arguments that cannot be understood */
  read(args: string[]): (parts: Parts, output: Output) => Promise<ExitCode>;
}

/** The arguments of a command cannot be understood. The message says which, and what would be. */
export class UsageError extends Error {}

/** Of commands that change something: carries it out so that it stands in the audit trail. */
export interface AuditedParts {
  audited<T>(what: { action: string; subscriptionId?: number } & Press, work: () => Promise<T>): Promise<T>;
}

/** Writes a result as one JSON document. */
export function writeJson(output: Output, result: object): void {
  output.write(`${JSON.stringify(result, null, 2)}\n`);
}

/** Of `parseArgs`, for commands that show 50 lines at a time. */
export const pageOption = { type: 'string', default: '1' } as const;

/** @throws {UsageError} */
export function readPage(text: string): number {
  if (/^[1-9]\d{0,6}$/.test(text)) return Number(text);
  throw new UsageError('Pages count from 1.');
}

/** @throws {UsageError} */
export function readSubscriptionId(text: string): number {
  if (/^[1-9]\d{0,9}$/.test(text)) return Number(text);
  throw new UsageError(`${JSON.stringify(text)} is not the id of a subscription, which is a number.`);
}

const LONGEST_REASON = 500;

/** Why something is pressed. @throws {UsageError} when nothing is said, or too much */
export function readReason(text = ''): string {
  const reason = text.trim();
  if (reason !== '' && reason.length <= LONGEST_REASON) return reason;
  throw new UsageError(`Say why with --reason, in 1 to ${LONGEST_REASON} characters: it stands in the audit trail.`);
}
