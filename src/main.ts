import { compose } from './compose/service.ts';
import type { TellSecret } from './config/secret-files.ts';
import { type Config, loadConfig } from './config.ts';
import { errorReporting, flushErrorReporting } from './instrument.ts';
import { ConnectorError } from './lib/errors.ts';
import { createLog } from './lib/log.ts';

/** A configuration that cannot work, as sysexits.h counts it. */
const EXIT_CONFIG = 78;
/** Whatever hangs, the process is gone by then. */
const STOP_WITHIN_MS = 15_000;

let isStopping = false;

const config = readConfig();
const log = createLog({ level: config.logLevel });
for (const warning of config.warnings) log.warn({ warning }, 'configuration');

const { collector, role } = config;
// Takes memory, so it is loaded only where there is somebody to send traces to.
const tracing = collector === undefined ? undefined : (await import('./otel.ts')).createTracing({ collector, role });

const service = compose(config, { log, reporting: errorReporting, tracing });
process.on('SIGTERM', () => void stop('SIGTERM', 0));
process.on('SIGINT', () => void stop('SIGINT', 0));
process.on('uncaughtException', (error) => {
  log.error({ err: error }, 'uncaught exception: the process ends and is to be started again');
  void stop('uncaught exception', 1);
});

try {
  await service.start();
} catch (error) {
  log.error({ err: error }, 'the service could not start');
  await stop('failed start', 1);
}

async function stop(reason: string, exitCode: number): Promise<void> {
  if (isStopping) return;
  isStopping = true;
  log.info({ reason }, 'stopping');
  setTimeout(() => process.exit(1), STOP_WITHIN_MS).unref();
  await service.stop();
  await Promise.all([flushErrorReporting(), tracing?.flush()]);
  log.info({ reason }, 'stopped');
  process.exit(exitCode);
}

/** Called long after the start, when there is a log. */
function tellSecret({ problem, ...facts }: Parameters<TellSecret>[0]): void {
  if (problem === undefined) log.warn(facts, 'a secret was replaced');
  else log.error({ problem, ...facts }, 'a secret cannot be read from its file any more: the former one is used');
}

function readConfig(): Config {
  try {
    return loadConfig(process.env, tellSecret);
  } catch (error) {
    process.stderr.write(`${error instanceof ConnectorError ? error.message : String(error)}\n`);
    process.exit(EXIT_CONFIG);
  }
}
