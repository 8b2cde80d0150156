// npm run test:contract: what the emulators answer beside what Microsoft and Cloudesire do.
import { compareWithEmulators } from './command.ts';

process.exitCode = await compareWithEmulators({
  environment: process.env,
  // Only once it is known what to compare with.
  startEmulated: async () => (await import('./emulated-side.ts')).startEmulatedSide(),
  say: (text) => process.stdout.write(text),
  complain: (text) => process.stderr.write(text),
});
