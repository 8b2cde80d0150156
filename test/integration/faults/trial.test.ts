import { sweepFaults } from '../../support/fault-sweep.ts';
import { ABANDONED_TRIAL, TRIAL } from '../../support/lives.ts';

await sweepFaults([ABANDONED_TRIAL, TRIAL]);
