import type { Command, ExitCode } from '../../../src/commands/command.ts';

/** Runs a command with its parts and returns what it wrote. */
export async function run<Parts>(
  command: Command<Parts>,
  args: string[],
  parts: Parts,
): Promise<{ code: ExitCode; text: string }> {
  let text = '';
  const code = await command.read(args)(parts, {
    write(more) {
      text += more;
    },
  });
  return { code, text };
}
