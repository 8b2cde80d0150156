import { sweepFaults } from '../../support/fault-sweep.ts';
import { ARM_TEMPLATE } from '../../support/lives.ts';

await sweepFaults([ARM_TEMPLATE]);
