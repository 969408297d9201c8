// Runs a story step by step and prints it in the Test Anything Protocol. A page has no standard output and no exit code: `report` receives
// the lines, and the first failing step throws.
export function stepsFor(report) {
  return async (name, act) => {
    try {
      await act();
    } catch (error) {
      await report(`not ok - ${name}`);
      throw error;
    }
    await report(`ok - ${name}`);
  };
}

export function equal(actual, expected) {
  const [said, wanted] = [JSON.stringify(actual), JSON.stringify(expected)];
  if (said !== wanted) throw new Error(`${said} is not ${wanted}`);
}
