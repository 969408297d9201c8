// Runs a story step by step and prints it in the Test Anything Protocol. A page has no standard output and no exit code: `tell` receives
// the lines, and the first failing step throws.
export function stepsFor(tell) {
  return async (name, act) => {
    try {
      await act();
    } catch (error) {
      await tell(`not ok - ${name}`);
      throw error;
    }
    await tell(`ok - ${name}`);
  };
}

export function equal(actual, expected) {
  const [said, wanted] = [JSON.stringify(actual), JSON.stringify(expected)];
  if (said !== wanted) throw new Error(`${said} is not ${wanted}`);
}
