// The wall clock of one server process, which a scenario sets. Needs Debian's package libfaketime, which reads the offset from a file
// whenever the process asks for the time. The monotonic clock stays as it is.
import { writeFileSync } from 'node:fs';

const LIBRARY = '/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1';

export class Clock {
  constructor(file) {
    this.file = file;
    this.set(0);
  }

  // The environment variables of the process.
  get env() {
    return { LD_PRELOAD: LIBRARY, FAKETIME_TIMESTAMP_FILE: this.file, FAKETIME_NO_CACHE: '1', FAKETIME_DONT_FAKE_MONOTONIC: '1' };
  }

  // Sets the clock to so many seconds after the machine's, or before it if negative.
  set(seconds) {
    writeFileSync(this.file, `${seconds < 0 ? '-' : '+'}${Math.abs(seconds)}\n`);
  }
}
