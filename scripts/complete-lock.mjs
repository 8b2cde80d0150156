// Adds to package-lock.json the optional packages of other platforms, which npm leaves out where it cannot see them;
// without them `npm ci` fails on those platforms. Run after each change of dependencies.
import { readFileSync, writeFileSync } from 'node:fs';

const OS = /\b(aix|android|darwin|freebsd|linux|netbsd|openbsd|openharmony|sunos|win32)\b/;
const CPU = /\b(arm64|arm|x64|ia32|ppc64|riscv64|s390x|loong64)\b/;

const lock = JSON.parse(readFileSync('package-lock.json', 'utf8'));
const { packages } = lock;
for (const [path, entry] of Object.entries(packages)) {
  for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
    const os = OS.exec(name)?.[1];
    const cpu = CPU.exec(name)?.[1];
    const top = `node_modules/${name}`;
    const near = path.slice(0, path.lastIndexOf('node_modules/')) + top;
    if (!os || !/^\d/.test(version) || packages[near]?.version === version || packages[top]?.version === version)
      continue;
    packages[packages[top] ? near : top] = {
      version,
      ...(cpu && { cpu: [cpu] }),
      ...(entry.dev && { dev: true }),
      ...(/musl/.test(name) && { libc: ['musl'] }),
      optional: true,
      os: [os],
    };
  }
}
lock.packages = Object.fromEntries(Object.entries(packages).sort(([a], [b]) => (a < b ? -1 : 1)));
writeFileSync('package-lock.json', `${JSON.stringify(lock, null, 2)}\n`);
