// Runs a story step by step and prints it in the Test Anything Protocol.
let completed = 0;

export async function step(name, act) {
  try {
    await act();
  } catch (error) {
    console.log(`not ok - ${name}`);
    console.error(error);
    process.exit(1);
  }
  completed += 1;
  console.log(`ok - ${name}`);
}

export function theEnd() {
  console.log(`1..${completed}`);
}
