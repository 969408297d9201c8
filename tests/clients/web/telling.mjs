// Tells a story step by step, in the lines of the Test Anything Protocol. A page has no standard output and no exit code: `tell` takes
// the lines, and the first step that fails throws.
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
