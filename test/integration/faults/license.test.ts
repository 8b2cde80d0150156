import { sweepFaults } from '../../support/fault-sweep.ts';
import { LICENCE } from '../../support/lives.ts';

await sweepFaults([LICENCE]);
