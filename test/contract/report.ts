import { plain, table } from '../../src/commands/table.ts';
import type { Comparison, Finding } from './comparison.ts';

const HEADINGS: Record<Finding['kind'], string> = {
  breaks: 'The service cannot use what is answered there:',
  claimed: 'The service reads what the emulator claims, and is not so there:',
  more: 'Different, though the service does not read it:',
};

/** A comparison for the terminal: what was asked, and each finding under its route. */
export function present({ rows, findings }: Comparison): string {
  const lines = rows.map(({ question, emulator, real, verdict }) => [question, emulator, real, verdict]);
  const count = (kind: Finding['kind']) => findings.filter((one) => one.kind === kind).length;
  const asked = rows.filter(({ real }) => real !== '').length;
  return [
    table(['asked for', 'emulator', 'real', ''], lines),
    ...Object.entries(HEADINGS).map(([kind, heading]) =>
      sectionOf(
        heading,
        findings.filter((one) => one.kind === kind),
      ),
    ),
    `\n${asked} of ${rows.length} asked: ${count('breaks')} cannot be used, ${count('claimed')} are claimed only, ${count('more')} are different without consequence.\n`,
  ].join('');
}

function sectionOf(heading: string, findings: Finding[]): string {
  if (findings.length === 0) return '';
  const byRoute = Map.groupBy(findings, ({ route }) => route);
  const lines = [...byRoute].flatMap(([route, ofRoute]) => [route, ...ofRoute.map(({ says }) => `  ${says}`)]);
  return ['', heading, ...lines.map((line) => `  ${plain(line)}`)].map((line) => `${line}\n`).join('');
}
