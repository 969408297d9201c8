import type { SerializedError } from '@vitest/utils';
import type { Reporter, TestModule } from 'vitest/node';

/** Prints each test as a line of the Test Anything Protocol. A skipped test and a file that does not load have failed. */
export default class TapReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandled: readonly SerializedError[]): void {
    let count = 0;
    const report = (isOk: boolean, name: string) => {
      count++;
      console.log(`${isOk ? 'ok' : 'not ok'} - ${name}`);
    };
    for (const module of modules) {
      const file = module.relativeModuleId.replace(/^test\//, '');
      for (const error of module.errors()) report(false, `${file}: ${error.message}`);
      for (const test of module.children.allTests()) report(test.result().state === 'passed', `${file}: ${test.fullName}`);
    }
    for (const error of unhandled) report(false, `an error outside of all tests: ${error.message}`);
    console.log(`1..${count}`);
  }
}
