import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { expect, it } from 'vitest';

const SIGNALS = new URL('../../../scripts/demo/signals.ts', import.meta.url).href;
/** Says what it does, and ends only when its input does. */
const DEMO = `
  import { endAtSignals } from '${SIGNALS}';
  endAtSignals(async () => {
    console.log('ending');
    process.stdin.resume();
    await new Promise((resolve) => process.stdin.once('end', resolve));
    console.log('ended');
    process.exit(0);
  });
  setInterval(() => {}, 60_000);
  console.log('here');
`;

it('a second signal, as npm passes it on, does not keep the demo from ending what it started', async () => {
  const demo = spawn(process.execPath, ['--input-type=module', '--eval', DEMO], { stdio: ['pipe', 'pipe', 'inherit'] });
  const exit = once(demo, 'exit');
  const lines: string[] = [];
  for await (const line of createInterface({ input: demo.stdout })) {
    lines.push(line);
    if (line === 'here') demo.kill('SIGTERM');
    if (line === 'ending') {
      demo.kill('SIGTERM');
      demo.kill('SIGINT');
      demo.stdin.end();
    }
  }
  expect(await exit).toEqual([0, null]);
  expect(lines).toEqual(['here', 'ending', 'ended']);
});
