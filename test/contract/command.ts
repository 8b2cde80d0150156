import { EXIT, type ExitCode } from '../../src/commands/command.ts';
import { type Config, loadConfig } from '../../src/config.ts';
import { ConnectorError } from '../../src/lib/errors.ts';
import { askAll, compareSides } from './comparison.ts';
import type { EmulatedSide } from './emulated-side.ts';
import { createReading } from './reading.ts';
import { present } from './report.ts';

export interface ContractParts {
  /** The environment of the service, which leads to the real upstreams. */
  environment: Record<string, string | undefined>;
  /** Emulators at which something was sold. */
  startEmulated(): Promise<EmulatedSide>;
  say(text: string): void;
  complain(text: string): void;
}

/**
 * Asks the real upstreams and the emulators the same, and shows where they differ. Nothing is written to the real ones, and no value of an
 * answer is shown. Ends with 1 when the service cannot use an answer, or reads in the emulator's what the real one does not have.
 */
export async function compareWithEmulators(parts: ContractParts): Promise<ExitCode> {
  const { environment, startEmulated, say, complain } = parts;
  let config: Config;
  try {
    config = loadConfig(environment);
  } catch (error) {
    if (!(error instanceof ConnectorError)) throw error;
    complain(
      `Nothing was compared, for this takes the environment in which the service reaches the real upstreams. ${error.message}\n`,
    );
    return EXIT.configuration;
  }
  // Before this process trusts the authority of the emulators.
  const real = await askAll(config);
  const emulated = await startEmulated();
  try {
    const ours = await askAll(emulated.config);
    const comparison = await compareSides(ours, real, createReading(emulated.emulators, emulated.config));
    say(present(comparison));
    return comparison.findings.some(({ kind }) => kind !== 'more') ? EXIT.found : EXIT.fine;
  } finally {
    await emulated.close();
  }
}
