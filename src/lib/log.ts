import { type DestinationStream, type Logger, type LoggerOptions, pino, stdTimeFunctions } from 'pino';
import { ConnectorError } from './errors.ts';

interface LogLine {
  /** One fixed sentence; everything that varies goes into `fields`. */
  (fields: object, sentence: string): void;
  (sentence: string): void;
}

/** What the parts of the service may log with. Fields are named alike everywhere: `subscriptionId`, `step`, `durationMs`, `err`. */
export interface Log {
  debug: LogLine;
  info: LogLine;
  warn: LogLine;
  error: LogLine;
  /** A log that adds these fields to each of its lines. */
  child(fields: object): Log;
}

const DEEPEST = 4;
const LONGEST_TEXT = 4_000;
const LONGEST_CAUSE_CHAIN = 5;

const SENSITIVE_NAME =
  /authori[sz]ation|token|secret|passw|credential|e[-_]?mail|phone|cookie|signature|api[-_]?key|(first|last|full|sur)[-_]?name|(tax|fiscal)[-_]?code/i;

const SENSITIVE_TEXT: [pattern: RegExp, replacement: string][] = [
  [/\b(Bearer|Basic)\s+[\w.~+/=-]{8,}/gi, '$1 [token]'],
  [/\beyJ[\w-]{10,400}\.[\w.-]+/g, '[token]'],
  [/[\w.~+=-]{120,}/g, '[token]'],
  [/\b(\w*(?:secret|token|password|assertion))=[^&\s"']+/gi, '$1=[hidden]'],
  [/:\/\/[^/\s@"']*@/g, '://[credentials]@'],
  [/(?<![\w.%+'-])[\w.%+'-]+@(?:[\w-]+\.)+[A-Za-z]{2,}/g, '[e-mail]'],
  // V8 quotes the text that it could not parse.
  [/^([^"]*?)(?:\.{3})?".*"(?:\.{3})? is not valid JSON/s, '$1[text] is not valid JSON'],
];

/**
 * Returns a text without what looks like a bearer token, a JWT, a credential of an address or of a form, or an e-mail
 * address, at most 4,000 characters long. For sentences of foreign errors, which quote what they choked on.
 */
export function scrub(text: string): string {
  const short = text.length > LONGEST_TEXT ? `${text.slice(0, LONGEST_TEXT)}…` : text;
  return SENSITIVE_TEXT.reduce((clean, [pattern, replacement]) => clean.replace(pattern, replacement), short);
}

/**
 * Creates the log of the process: JSON lines with an ISO `time` and the level in words, to `destination` or stdout.
 *
 * Values whose name speaks of a secret or of a person are replaced by `[redacted]`, texts are scrubbed, and whatever lies
 * deeper than four levels is left out, so that no line depends on the care of the one who wrote it. An error is printed
 * as name, code, sentence, facts and causes; its stack only when it is none of ours, and never its own fields, since
 * those of an HTTP client hold the whole request.
 */
export function createLog({ level, destination }: { level: string; destination?: DestinationStream }): Log {
  const options: LoggerOptions = {
    level,
    timestamp: stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
    // An error arrives here described already.
    serializers: { err: (described: unknown) => described },
  };
  return toLog(destination === undefined ? pino(options) : pino(options, destination));
}

/** Cleans before pino sees anything: its own hooks pass by the fields of a child and the sentence. */
function toLog(logger: Logger): Log {
  function at(level: 'debug' | 'info' | 'warn' | 'error'): LogLine {
    return (first: object | string, sentence?: string) => {
      if (!logger.isLevelEnabled(level)) return;
      if (typeof first === 'string') logger[level](scrub(first));
      else logger[level](presentFields(first instanceof Error ? { err: first } : first, 1), scrub(sentence ?? ''));
    };
  }
  return {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    child: (fields) => toLog(logger.child(presentFields(fields, 1))),
  };
}

function presentFields(fields: object, depth: number): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [
      name,
      isGiven(value) && SENSITIVE_NAME.test(name) ? '[redacted]' : present(value, depth),
    ]),
  );
}

/** Whether a value can carry a secret at all: that there is a token may be said. */
function isGiven(value: unknown): boolean {
  return value !== undefined && value !== null && typeof value !== 'boolean';
}

function present(value: unknown, depth: number): unknown {
  if (typeof value === 'string') return scrub(value);
  if (typeof value !== 'object' || value === null) return value;
  if (value instanceof Error) return describeError(value);
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`;
  if (value instanceof Date) return value;
  if (depth >= DEEPEST) return '[deeper]';
  if (Array.isArray(value)) return value.map((item) => present(item, depth + 1));
  if ('toJSON' in value && typeof value.toJSON === 'function') return present(value.toJSON(), depth + 1);
  return presentFields(value, depth + 1);
}

function describeError(error: Error): Record<string, unknown> {
  const own = summarize(error);
  const causes = causesOf(error);
  return {
    ...own,
    ...(error instanceof ConnectorError ? { facts: presentFields(error.facts, DEEPEST) } : {}),
    ...(causes.length > 0 ? { causes } : {}),
    ...(error instanceof ConnectorError ? {} : { stack: scrub(error.stack ?? '') }),
  };
}

function summarize(error: Error): Record<string, unknown> {
  const code = 'code' in error && typeof error.code === 'string' ? { code: error.code } : {};
  return { type: error.name, ...code, message: scrub(error.message) };
}

function causesOf(error: Error): Record<string, unknown>[] {
  const causes: Record<string, unknown>[] = [];
  for (let cause = error.cause; cause instanceof Error && causes.length < LONGEST_CAUSE_CHAIN; cause = cause.cause) {
    causes.push(summarize(cause));
  }
  return causes;
}
