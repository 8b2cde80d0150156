import { parseArgs } from 'node:util';
import type { Finding, Verdict } from '../workflows/ops/doctor.ts';
import { type Command, EXIT, writeJson } from './command.ts';
import { plain } from './table.ts';

export interface DoctorCommandParts {
  examine(): AsyncIterable<Finding>;
}

const SIGNS: Record<Verdict, string> = { ok: 'ok', warning: 'warning', failed: 'FAILED', skipped: 'skipped' };

/** Looks at everything that the service depends on, and says what to do where it is not in order. */
export const doctor: Command<DoctorCommandParts> = {
  usage: '[--json]',
  summary:
    'looks at settings, Redis, tokens, rights and what is sold, and says what to do; nothing is written upstream',

  read(args) {
    const { json } = parseArgs({ args, options: { json: { type: 'boolean', default: false } } }).values;

    return async ({ examine }, output) => {
      const findings: Finding[] = [];
      for await (const finding of examine()) {
        findings.push(finding);
        if (!json) output.write(present(finding));
      }
      const count = (verdict: Verdict) => findings.filter((one) => one.verdict === verdict).length;
      const isFine = count('failed') === 0;
      if (json) writeJson(output, { isFine, findings });
      else {
        const [failures, warnings, skipped] = [count('failed'), count('warning'), count('skipped')];
        output.write(`\n${failures} failed, ${warnings} to think about, ${skipped} not looked at.\n`);
      }
      return isFine ? EXIT.fine : EXIT.found;
    };
  },
};

function present({ check, verdict, says, cure }: Finding): string {
  const lines = [
    `${SIGNS[verdict].padEnd(8)} ${check}: ${says}`,
    ...(cure === undefined ? [] : [`         → ${cure}`]),
  ];
  return lines.map((line) => `${plain(line)}\n`).join('');
}
