import type { Flow } from './workflow.ts';

/** The same flow, in which every step has another name, and so a result of its own. */
export function renamed(flow: Flow, suffix: string): Flow {
  const named = (name: string): string => `${name}, ${suffix}`;
  return {
    isDone: (name) => flow.isDone(named(name)),
    hasBegun: (name) => flow.hasBegun(named(name)),
    step: (name, work, anewUntil) => flow.step(named(name), work, anewUntil?.map(named)),
    effect: (name, effect) => flow.effect(named(name), effect),
    poll: (name, plan, look) => flow.poll(named(name), plan, look),
    pause: (name, plan) => flow.pause(named(name), plan),
  };
}
